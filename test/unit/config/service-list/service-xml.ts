import {
  type ExistingContext,
  parseServiceList,
  type ServiceList,
  type ServiceListOptions,
} from "../../../../src/config/service-list/service-list.ts";

/** A list with two services and nothing wrong; each test changes the one thing it is about. */
export const GOOD_LIST = `<MetaServiceConf>
  <context_name>Test</context_name>
  <server_ip>127.0.0.1</server_ip>
  <sub_port>5556</sub_port>
  <pub_port>5557</pub_port>
  <service_path>/project</service_path>
  <Service>
    <task_service>Echo</task_service>
    <task_desc>Shouts</task_desc>
    <service_name>echo</service_name>
    <task_id>ts001</task_id>
    <device_action>shout</device_action>
    <entry_action>on_start</entry_action>
    <state><trigger>on_start</trigger><action/><state_id/></state>
    <state><trigger>on_update</trigger><action/><state_id/></state>
    <state><trigger>on_fail</trigger><action/><state_id/></state>
    <state><trigger>on_exit</trigger><action>start</action><state_id>ts002</state_id></state>
  </Service>
  <Service>
    <task_service>Listen</task_service>
    <task_desc>Listens</task_desc>
    <service_name>listen</service_name>
    <task_id>ts002</task_id>
    <device_action>ear</device_action>
    <entry_action>on_exit</entry_action>
    <state><trigger>on_start</trigger><action/><state_id/></state>
    <state><trigger>on_update</trigger><action/><state_id/></state>
    <state><trigger>on_fail</trigger><action/><state_id/></state>
    <state><trigger>on_exit</trigger><action/><state_id/></state>
  </Service>
</MetaServiceConf>
`;

/** The good list with pieces of it replaced; they must be there, or the test would be about nothing. */
export function goodListBut(...pairs: [piece: string, replacement: string][]): string {
  return pairs.reduce((text, [piece, replacement]) => {
    if (!text.includes(piece)) throw new Error(`the good list has no ${piece}`);
    return text.replace(piece, () => replacement);
  }, GOOD_LIST);
}

/** The list of a text that has nothing wrong, where the context has these tasks already. */
export function listIn(text: string, options?: ServiceListOptions, existing: readonly string[] = []): ServiceList {
  return parseServiceList(text, options).against(existing.length === 0 ? undefined : existingWith(...existing));
}

/** A context that has tasks with these ids, each of an instance of its own. */
export function existingWith(...ids: string[]): ExistingContext {
  const endpoints = { publish: "tcp://127.0.0.1:5557", subscribe: "tcp://127.0.0.1:5556" };
  return {
    contextId: "context001",
    endpoints,
    tasks: ids.map((id) => ({ id, instance: `Of_${id}`, serviceType: "Process", location: "" })),
  };
}

/** What the single options need at least. */
export const GOOD_OPTIONS = {
  task_service: "Greeter",
  task_desc: "Greets",
  service_name: "greeter",
  device_action: "greeting",
  context_name: "Greeter",
  task_id: "ts001",
  service_path: ".",
  server_ip: "127.0.0.1",
  sub_port: "5556",
  pub_port: "5557",
};
