// Written by create-service; replaced while it is unchanged: sha256 34fd7860ae9318fe097b1e0fddedecea9dde37c541813af56ac744d74675a3f1
export { default as S003_DrinkCoffee } from "./S003_DrinkCoffee.js";
export { default } from "./ServiceS003_DrinkCoffee.js";
