export { create } from "./tracker";
