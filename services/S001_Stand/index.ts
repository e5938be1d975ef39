// Written by create-service; replaced while it is unchanged: sha256 d24af599ad4506a1e09be623eb605ee1dccfaf2eb6e2d57cd5435d4d85eeb431
export { default as S001_Stand } from "./S001_Stand.js";
export { default } from "./ServiceS001_Stand.js";
