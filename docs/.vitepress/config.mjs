// The documentation as a site with search: `npm run docs` builds it into site/. Its pages are those that are read on GitHub,
// README the first of them; what they link to besides is copied beside them.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** What pages link to, and is no page. */
const FILES = ["conf", "services", "docs/dashboard.png", "docs/grafana-dashboard.json"];
// Links to files of other kinds than these would be taken for links to pages.
process.env.VITE_EXTRA_EXTENSIONS = "py,xsd";

const page = (text, name) => ({ text, link: `/docs/${name}` });
const SIDEBAR = [
  {
    text: "Use it",
    items: [
      { text: "Start here", link: "/" },
      page("Tutorial", "tutorial"),
      page("Recipes", "recipes"),
      page("Context file", "context-file"),
      page("Supervision", "supervision"),
      page("Service code", "service-code"),
      page("create-service", "create-service"),
      page("Commands", "commands"),
      page("Errors", "errors"),
    ],
  },
  {
    text: "Operate it",
    items: [page("Operation", "operations"), page("Dashboard", "dashboard"), page("Monitoring", "monitoring")],
  },
  {
    text: "Have services talk",
    items: [
      page("Messages", "messaging"),
      page("Beyond one machine", "scale-out"),
      page("Producers, consumers", "streams"),
    ],
  },
  {
    text: "Reference",
    items: [
      page("Protocol", "protocol"),
      page("Protocol of messages", "messaging-protocol"),
      page("Comparison", "scoreboard"),
      page("Architecture", "architecture"),
      { text: "Contributing", link: "/CONTRIBUTING" },
      { text: "Changes", link: "/CHANGELOG" },
    ],
  },
];

/** Attributes and options with an underscore are one word. */
function tokenize(text) {
  return text.toLowerCase().split(/[^\p{L}\p{N}_]+/u);
}

/** Links to headings are written for GitHub, which names them so. */
function asOnGithub(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

export default {
  title: "zcontext",
  description: "Supervises groups of small programs that talk over ZeroMQ.",
  srcDir: "..",
  outDir: "../site",
  cacheDir: "../node_modules/.cache/vitepress",
  srcExclude: ["**/node_modules/**", "bench/**", "python/**", "services/**", "site/**", "test/**"],
  rewrites: { "README.md": "index.md" },
  // It has no ending, and so counts as a page. Unit tests check all links.
  ignoreDeadLinks: [/\/LICENSE$/],
  markdown: {
    // A word in angle brackets is a word, and no element.
    html: false,
    anchor: { slugify: asOnGithub },
    config({ renderer }) {
      // Vue would take `{{…}}` for an expression.
      const { code_inline: code, link_open: link } = renderer.rules;
      renderer.rules.code_inline = (tokens, index, ...others) => {
        tokens[index].attrSet("v-pre", "");
        return code(tokens, index, ...others);
      };
      // The page of README is the first one.
      renderer.rules.link_open = (tokens, index, ...others) => {
        const token = tokens[index];
        token.attrSet("href", token.attrGet("href").replace("../README.md", "../index.md"));
        return link(tokens, index, ...others);
      };
    },
  },
  themeConfig: {
    search: { provider: "local", options: { miniSearch: { options: { tokenize } } } },
    outline: [2, 3],
    sidebar: SIDEBAR,
  },
  buildEnd({ outDir }) {
    for (const path of FILES) cpSync(join(root, path), join(outDir, path), { recursive: true });
    cpSync(join(root, "LICENSE"), join(outDir, "LICENSE.html"));
  },
};
