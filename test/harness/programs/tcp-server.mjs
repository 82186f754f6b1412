// tcp-server.mjs PORT: tells every client the address that it sees, and says on stdout when it is ready.
import { createServer } from "node:net";

const server = createServer((socket) => socket.end(`${socket.remoteAddress?.replace("::ffff:", "")}`));
server.listen(Number(process.argv[2]), () => process.stdout.write("listening\n"));
