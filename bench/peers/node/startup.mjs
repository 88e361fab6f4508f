// Hello world: what a process costs that does next to nothing. bench/startup is ours.
import { setImmediate } from "node:timers/promises";

console.log("hello");
await setImmediate();
console.log("world");
