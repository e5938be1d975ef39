// Written by create-service; replaced while it is unchanged: sha256 082911db22304bec8f8ce6896724c7bc8ebdd09db02990eeeea4be282ea2195d
export { default as S004_Run } from "./S004_Run.js";
export { default } from "./ServiceS004_Run.js";
