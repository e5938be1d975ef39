// The environment of a program that runs as a task: it has no pipe, so this is all it learns about itself. Names and
// meanings are described in docs/protocol.md, "A task in any language". Pure.
import type { Assignment } from "./pipe.ts";

/** A longer configuration goes to a file: Linux refuses a variable of 128 KiB. */
export const MAX_CONFIGURATION_BYTES = 100 * 1024;

/** What a program is told beside its assignment. */
export interface RunFacts {
  /** Its announcements carry it, which tells them from those of earlier runs. */
  incarnation: string;
  /** How long it may take to stop. */
  graceMs: number;
  /** Holds the configuration, where that is too long for a variable. */
  configurationFile?: string | undefined;
}

const MS_PER_S = 1_000;

export function environmentOf(
  assignment: Assignment,
  { incarnation, graceMs, configurationFile }: RunFacts,
): Record<string, string> {
  return {
    ZCONTEXT_PUBLISH: assignment.endpoints.publish,
    ZCONTEXT_SUBSCRIBE: assignment.endpoints.subscribe,
    ZCONTEXT_TRANSACTION: assignment.transaction,
    ZCONTEXT_CONTEXT_ID: assignment.contextId,
    ZCONTEXT_SERVICE_ID: assignment.serviceId,
    ZCONTEXT_SERVICE_NAME: assignment.serviceName,
    ZCONTEXT_INSTANCE: assignment.instance,
    ZCONTEXT_TOPIC: assignment.topic,
    ZCONTEXT_DEVICE_ACTION: assignment.deviceAction,
    ...(configurationFile === undefined
      ? { ZCONTEXT_CONFIGURATION: JSON.stringify(assignment.configuration) }
      : { ZCONTEXT_CONFIGURATION_FILE: configurationFile }),
    ZCONTEXT_INCARNATION: incarnation,
    ZCONTEXT_GRACE_S: String(graceMs / MS_PER_S),
  };
}

/** Who a program speaks as, by its environment. */
export interface Speaker {
  /** Where it sends what it announces. */
  publish: string;
  transaction: string;
  serviceId: string;
  serviceName: string;
  deviceAction: string;
  incarnation: string;
}

/** The opposite of `environmentOf`, as far as an announcement needs it; undefined outside of a task. */
export function speakerIn(environment: NodeJS.ProcessEnv): Speaker | undefined {
  const {
    ZCONTEXT_PUBLISH: publish = "",
    ZCONTEXT_TRANSACTION: transaction = "",
    ZCONTEXT_SERVICE_ID: serviceId = "",
    ZCONTEXT_SERVICE_NAME: serviceName = "",
    ZCONTEXT_DEVICE_ACTION: deviceAction = "",
    ZCONTEXT_INCARNATION: incarnation = "",
  } = environment;
  if ([publish, transaction, serviceId, serviceName, incarnation].includes("")) return undefined;
  return { publish, transaction, serviceId, serviceName, deviceAction, incarnation };
}

/** Where the engine of the context is reached, and the word that lets a program in. */
export const BUS_URL = "ZCONTEXT_BUS_URL";
export const BUS_TOKEN = "ZCONTEXT_BUS_TOKEN";
/** What else a program is told of an engine on a server; docs/scale-out.md describes each. */
export const BUS_USER = "ZCONTEXT_BUS_USER";
export const BUS_PASS = "ZCONTEXT_BUS_PASS";
export const BUS_CREDENTIALS_FILE = "ZCONTEXT_BUS_CREDENTIALS_FILE";
export const BUS_CA_FILE = "ZCONTEXT_BUS_CA_FILE";
export const BUS_CERT_FILE = "ZCONTEXT_BUS_CERT_FILE";
export const BUS_KEY_FILE = "ZCONTEXT_BUS_KEY_FILE";
export const BUS_CLAIM_STORE = "ZCONTEXT_BUS_CLAIM_STORE";
export const BUS_DIALECT = "ZCONTEXT_BUS_DIALECT";
/** Where a program reaches a server that speaks the protocol of a broker alone, and the word that lets it in there. */
export const BUS_GATEWAY = "ZCONTEXT_BUS_GATEWAY";
export const BUS_GATEWAY_TOKEN = "ZCONTEXT_BUS_GATEWAY_TOKEN";

const OF_ONE_TASK =
  /^ZCONTEXT_(?:PUBLISH|SUBSCRIBE|TRANSACTION|CONTEXT_ID|SERVICE_ID|SERVICE_NAME|INSTANCE|INSTANCE_NUMBER|TOPIC|WORKER|BUS_[A-Z_]+|DEVICE_ACTION|CONFIGURATION|CONFIGURATION_FILE|INCARNATION|GRACE_S)$/;

/** Which of the instances of a TaskService a task is, from 1. */
export const INSTANCE_NUMBER = "ZCONTEXT_INSTANCE_NUMBER";

/** Holds the start data of a service for the processes that it starts; set by the task process itself. */
export const WORKER = "ZCONTEXT_WORKER";

/** An environment without what it says about a task: a provider may itself be the task of another one. */
export function withoutTask(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !OF_ONE_TASK.test(name)));
}
