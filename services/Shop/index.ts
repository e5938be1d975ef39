// Written by create-service; replaced while it is unchanged: sha256 086f662a400afdb36da70c13ce36484ff788586aaccdcac218826470e76b1805
export { default as Shop } from "./Shop.js";
export { default } from "./ServiceShop.js";
