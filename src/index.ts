export { startProvider } from "./context/provider.ts";
