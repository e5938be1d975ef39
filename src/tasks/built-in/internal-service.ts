import { ServiceError } from "../define.ts";

/** Other services have no say in when an internal service begins and ends. @throws {ServiceError} `ERR_SERVICE_INTERNAL`. */
export function assertOwn(scope: { serviceName: string; source?: string }): void {
  if (scope.source !== undefined && scope.source !== scope.serviceName)
    throw new ServiceError("ERR_SERVICE_INTERNAL", `${scope.serviceName} starts and stops with its context`);
}
