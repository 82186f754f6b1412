import { type Applied, apply } from "../../src/kernel/apply.ts";
import { Places } from "../../src/kernel/places.ts";
import type { Step } from "../../src/plan/step.ts";
import { sh } from "./own-network.ts";
import { Side } from "./side.ts";

/** Two places for steps: the host is the network of this process, the container one of its own. */
export class PlanRun {
  readonly side: Side;
  readonly places: Places;
  /** Inverses, in the order they came. */
  readonly recorded: Step[] = [];
  readonly logged: string[] = [];
  checkInterrupt: () => Promise<void> = async () => {};

  private constructor(side: Side) {
    this.side = side;
    this.places = new Places(side.netns);
  }

  /** With what this command line makes on the host, and `inContainer` there. */
  static async open(onHost = "true", inContainer = "true"): Promise<PlanRun> {
    const run = new PlanRun(await Side.open(inContainer));
    sh(onHost);
    return run;
  }

  apply(...steps: readonly Step[]): Promise<Applied> {
    return apply(steps, {
      places: this.places,
      env: { PATH: process.env["PATH"] },
      log: (line) => this.logged.push(line),
      checkInterrupt: () => this.checkInterrupt(),
      record: (inverse) => this.recorded.push(inverse),
    });
  }

  /** Takes back what was recorded, the last first. */
  async undo(): Promise<void> {
    for (const step of this.recorded.splice(0).reverse()) await this.apply(step);
  }

  /** What `ip` says of the only object on the host that the command shows. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever iproute2 printed
  ip(command: string): any {
    return JSON.parse(sh(`ip -details -json ${command}`) || "[]")[0];
  }

  /** Leaves the host as empty as it was. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.places[Symbol.dispose]();
    await this.side[Symbol.asyncDispose]();
    for (const { ifname } of JSON.parse(sh("ip -json link show"))) {
      // with one end of a veth the other has gone, too
      if (ifname !== "lo") sh(`ip link delete ${ifname} 2> /dev/null || true`);
    }
  }
}
