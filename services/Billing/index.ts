// Written by create-service; replaced while it is unchanged: sha256 5bac02420e3052c9ad461831c20cf7c820fcfd7a1c38a5a53b9b442752a95abb
export { default as Billing } from "./Billing.js";
export { default } from "./ServiceBilling.js";
