import { NetlinkSocket } from "../../src/kernel/netlink/socket.ts";
import { NetNs } from "../../src/kernel/netns.ts";
import { Host } from "../harness/host.ts";

/** A network of its own and our ways into it: its namespace and a socket opened inside. */
export class Side {
  readonly host: Host;
  readonly netns: NetNs;
  readonly socket: NetlinkSocket;

  private constructor(host: Host) {
    this.host = host;
    this.netns = new NetNs(this.path);
    this.socket = this.netns.run(() => new NetlinkSocket());
  }

  /** With the links, addresses and so on that this command line makes. */
  static async open(preparation = "true"): Promise<Side> {
    const side = new Side(await Host.start());
    await side.host.sh(preparation);
    return side;
  }

  get path(): string {
    return `/proc/${this.host.pid}/ns/net`;
  }

  sh(command: string): Promise<string> {
    return this.host.sh(command);
  }

  /** What `ip` says of the only object that the command shows; undefined when it shows none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever iproute2 printed
  async ip(command: string): Promise<any> {
    const all = JSON.parse((await this.sh(`ip -details -json ${command}`)) || "[]");
    if (all.length > 1) throw new Error(`${all.length} objects: ${command}`);
    return all[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket[Symbol.dispose]();
    this.netns[Symbol.dispose]();
    await this.host[Symbol.asyncDispose]();
  }
}
