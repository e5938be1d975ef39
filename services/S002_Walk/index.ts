// Written by create-service; replaced while it is unchanged: sha256 676c97f5bc9719cc1e2e1d4fd37281f881178994f9ee473fcf678f1fe78ab5dc
export { default as S002_Walk } from "./S002_Walk.js";
export { default } from "./ServiceS002_Walk.js";
