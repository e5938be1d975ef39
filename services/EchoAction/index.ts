// Written by create-service; replaced while it is unchanged: sha256 f7f3fe39378bb2ef8cce1640f27d72c8fbb91753fc97ca4baa59848d7ee6e6d4
export { default as EchoAction } from "./EchoAction.js";
export { default } from "./ServiceEchoAction.js";
