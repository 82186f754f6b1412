import { closeSync } from "node:fs";
import { askForInterface, netlinkSocket } from "./libc.ts";
import { NETLINK_ROUTE } from "./netlink/constants.ts";

/**
 * Equivalent to: `modprobe $name`, which the kernel runs by itself when somebody asks for an interface of that name. Whether it is
 * there then shows what it was needed for.
 */
export function loadModule(name: string): void {
  const socket = netlinkSocket(NETLINK_ROUTE);
  try {
    askForInterface(socket, name);
  } finally {
    closeSync(socket);
  }
}
