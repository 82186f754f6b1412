// The executable: all plugins in one, chosen by the name it is started under.
import { main } from "../src/protocol/main.ts";
import { commands } from "./commands.ts";
import { loadProgram } from "./load-program.ts";

declare const DOCKBRIDGE_VERSION: string;

void main(commands, loadProgram, { product: "dockbridge", version: DOCKBRIDGE_VERSION, reference: "1.9.1" });
