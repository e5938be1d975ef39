/** A context file with two tasks and nothing wrong; each test changes the one thing it is about. */
export const GOOD = `<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:5556</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:5557</BackendEndpoint>
  <FrontBind>tcp://*:5557</FrontBind>
  <BackendBind>tcp://*:5556</BackendBind>
  <ContextID>context001</ContextID>
  <TaskLogName>Test</TaskLogName>
  <TaskService id="ts001" topic="process" instance="EchoAction" serviceType="Process">
    <Task>
      <description>Shouts</description>
      <message>
        <header><action>start</action><service_name>echo_action</service_name></header>
        <content>
          <configuration><device_action>shout</device_action></configuration>
        </content>
      </message>
      <state type="on_start">
        <on_exit><action>start</action><call>ts002</call></on_exit>
      </state>
    </Task>
  </TaskService>
  <TaskService id="ts002" topic="process" instance="Listen" serviceType="Process">
    <Task>
      <message>
        <header><service_name>listen</service_name></header>
        <content><configuration><ear>left</ear></configuration></content>
      </message>
      <state type="on_demand"/>
    </Task>
  </TaskService>
</Context>
`;

/** The good file with one piece of it replaced; the piece must be there, or the test would be about nothing. */
export function goodBut(piece: string, replacement: string): string {
  if (!GOOD.includes(piece)) throw new Error(`the good file has no ${piece}`);
  return GOOD.replace(piece, () => replacement);
}

/** The good file with other content in the first task's configuration. */
export function withConfiguration(inside: string): string {
  return goodBut("<device_action>shout</device_action>", inside);
}

/** The error's details, or what was returned in place of an error. */
export function detailsOf(parse: () => unknown): readonly string[] | unknown {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error && "details" in error) return error.details;
    throw error;
  }
}

/** The good file with an Executable for its first task, and these parts in it. */
export function executableWith(parts: string, readyAfterS?: string): string {
  const readyAfter = readyAfterS === undefined ? "" : ` ready_after_s="${readyAfterS}"`;
  return goodBut(`serviceType="Process">`, `serviceType="Executable"${readyAfter}>${parts}`);
}

/** The good file with one thing more in its first task, its second one, or the Context, whose own parts come before. */
export function supervisedBy({ context = "", first = "", second = "" }: Record<string, string>): string {
  return goodBut("  <ContextID>", `${context}  <ContextID>`)
    .replace(`serviceType="Process">`, (start) => start + first)
    .replace(`instance="Listen" serviceType="Process">`, (start) => start + second);
}
