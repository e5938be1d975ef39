// Where one task is reached on the bus: a service that it alone serves. Pure.

/**
 * The name of that service. Other transactions may have tasks of the same id, and a dot would end the name, so both are
 * percent-encoded.
 */
export function taskAddress(serviceId: string, transaction: string): string {
  return [serviceId, transaction].map((part) => encodeURIComponent(part).replaceAll(".", "%2E")).join("@");
}

/** Whether the name of a service stands for one task. The encoding leaves one `@`; a service's own name may have more. */
export function isTaskAddress(service: string): boolean {
  return /^[^@]+@[^@]*$/.test(service);
}
