// udp-says.mjs PORT WORD: answers every packet with the word. Says on stdout when it is ready.
import { createSocket } from "node:dgram";

const [, , port, word] = process.argv;
const socket = createSocket("udp6");
socket.on("message", (_, from) => socket.send(word, from.port, from.address, () => {}));
socket.bind(Number(port), () => process.stdout.write("listening\n"));
