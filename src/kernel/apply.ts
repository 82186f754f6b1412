// The only interpreter of steps. Steps in one namespace that follow each other go to the kernel in one datagram.
import { printIp } from "../net/ip.ts";
import type { Link, Place } from "../plan/facts.ts";
import type { Rule } from "../plan/rule-set.ts";
import { inverse, isMaking, linksMadeBy, type SetSysctl, type Step } from "../plan/step.ts";
import { announce } from "./announce.ts";
import { awaitDad, awaitUp, type Waiting } from "./await-link.ts";
import { type RuleChange, startAddingChain, startRemovingChain } from "./iptables.ts";
import { isErrno, KernelError } from "./kernel-error.ts";
import type { Request } from "./netlink/socket.ts";
import { startAddingNftRules, startRemovingNftRules } from "./nft.ts";
import type { Places } from "./places.ts";
import { startEnsuring, startReleasing } from "./rule-sets.ts";
import { RulesLock } from "./rules-lock.ts";
import { type NetlinkStep, requestOf } from "./step-request.ts";
import { ensureSysctl, ensureSysctlOfModule } from "./sysctl.ts";

export interface Applying {
  readonly places: Places;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
  readonly checkInterrupt: () => Promise<void>;
  /** Gets the inverse of every step that has changed something, as soon as it has. */
  readonly record: (inverse: Step) => void;
}

/** What was seen of the links on the way. */
export class Applied {
  readonly #links = new Map<string, Link>();

  /** The link as it was when its name was looked up, after it was made. */
  link(place: Place, name: string): Link | undefined {
    return this.#links.get(keyOf(place, name));
  }

  see(place: Place, link: Link): void {
    this.#links.set(keyOf(place, link.name), link);
  }

  forget(place: Place, name: string): void {
    this.#links.delete(keyOf(place, name));
  }
}

/** Carries out the steps in order. The first that fails ends it; what was done until then has been recorded. */
export async function apply(steps: readonly Step[], applying: Applying): Promise<Applied> {
  const run = new Run(applying);
  const failures: unknown[] = [];
  try {
    for (const step of steps) await run.take(step);
    run.flush();
  } catch (error) {
    failures.push(error);
  }
  failures.push(...(await run.finishRules()));
  if (failures.length > 0) throw failures[0];
  return run.applied;
}

class LinkNotFound extends KernelError {
  constructor(name: string) {
    super(`find link ${name}`, 19);
  }
}

class Run {
  readonly #applying: Applying;
  readonly applied = new Applied();
  readonly #rules: RuleChange[] = [];
  readonly #rulesLock = new RulesLock();
  /** Links that this run has made: what is done to them goes with them. */
  readonly #made = new Set<string>();
  #batch: { readonly place: Place; readonly steps: NetlinkStep[]; readonly requests: Request[] } | undefined;

  constructor(applying: Applying) {
    this.#applying = applying;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "sysctl.set":
        this.flush();
        return this.#setSysctl(step);
      case "link.await-up":
        this.flush();
        return awaitUp(step.link, () => this.#look(step.place, step.link), this.#waitingAt(step.place));
      case "address.await-dad":
        this.flush();
        return awaitDad(this.#look(step.place, step.link), this.#waitingAt(step.place));
      case "address.announce":
        this.flush();
        return this.#announce(step);
      case "rules.add":
        return this.#startRules(step, startAddingChain(step.chain, this.#applying.env));
      case "rules.remove":
        return this.#startRules(step, startRemovingChain(step.chain, this.#applying.env));
      case "nft.add":
        return this.#startRules(step, startAddingNftRules(step.rules, this.#applying.env));
      case "nft.remove":
        return this.#startRules(step, startRemovingNftRules(step.owner, this.#applying.env));
      case "rules.await":
        return this.#awaitRules();
      case "rules.ensure":
        return this.#ensureRules(step);
      case "rules.release":
        this.#rules.push(startReleasing(step, { ...this.#applying, lock: this.#rulesLock }));
        return;
      default:
        this.#queue(step);
    }
  }

  /** Sends what is queued. */
  flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    const outcomes = this.#applying.places.at(batch.place).socket.requestAll(batch.requests);
    let failure: KernelError | undefined;
    outcomes.forEach((outcome, i) => {
      const step = batch.steps[i] as NetlinkStep;
      if (!("error" in outcome)) this.#record(step);
      else if (!isErrno(outcome.error, ...(step.tolerate ?? []))) failure ??= outcome.error;
    });
    if (failure !== undefined) throw failure;
  }

  /** Waits for all rule changes, and returns their failures. */
  async finishRules(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const rules of this.#rules.splice(0)) {
      try {
        await rules.finish();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#rulesLock[Symbol.dispose]();
    return failures;
  }

  #queue(step: NetlinkStep): void {
    const place = placeOfRequest(step);
    if (this.#batch !== undefined && this.#batch.place !== place) this.flush();
    const request = this.#requestOrNothing(step);
    if (request === undefined) return;
    this.#batch ??= { place, steps: [], requests: [] };
    this.#batch.steps.push(step);
    this.#batch.requests.push(request);
  }

  /** Nothing when the step's link is not there, and the step bears that. */
  #requestOrNothing(step: NetlinkStep): Request | undefined {
    try {
      const indexOf = (place: Place, link: string) => this.#indexOf(place, link);
      const request = requestOf(step, { indexOf, containerFd: () => this.#applying.places.container.fd });
      if (step.do === "link.delete") this.applied.forget(step.place, step.link);
      return request;
    } catch (error) {
      if (error instanceof LinkNotFound && step.tolerate?.includes("ENODEV")) return undefined;
      throw error;
    }
  }

  #indexOf(place: Place, name: string): number {
    const known = this.applied.link(place, name);
    if (known !== undefined) return known.index;
    // the link may be made by a step that is still queued
    this.flush();
    return this.#look(place, name).index;
  }

  #look(place: Place, name: string): Link {
    const link = this.#applying.places.findLink(place, name);
    if (link === undefined) throw new LinkNotFound(name);
    this.applied.see(place, link);
    return link;
  }

  #waitingAt(place: Place): Waiting {
    return { territory: this.#applying.places.at(place), checkInterrupt: this.#applying.checkInterrupt };
  }

  #announce({ place, link, ip, mac }: Extract<Step, { do: "address.announce" }>): void {
    const { index } = this.#look(place, link);
    try {
      announce(this.#applying.places.at(place), index, ip, mac);
    } catch (error) {
      this.#applying.log(`going on although ${printIp(ip)} could not be announced: ${(error as Error).message}`);
    }
  }

  #setSysctl(step: SetSysctl): void {
    const { place, key, value, optional, module } = step;
    try {
      this.#applying.places.at(place).run(() => {
        if (module === undefined) ensureSysctl(key, value);
        else ensureSysctlOfModule(key, value, module);
      });
      this.#record(step);
    } catch (error) {
      if (!optional) throw error;
      this.#applying.log(`going on although it failed to ${(error as Error).message}`);
    }
  }

  async #awaitRules(): Promise<void> {
    this.flush();
    const [failure] = await this.finishRules();
    if (failure !== undefined) throw failure;
  }

  #startRules(step: Step, change: RuleChange): void {
    this.#rules.push(change);
    // not when it has ended: whatever becomes of it, it may have done its work
    this.#record(step);
  }

  async #ensureRules(step: Extract<Step, { do: "rules.ensure" }>): Promise<void> {
    const added = (own: readonly Rule[]) => this.#record({ ...step, rules: { ...step.rules, own } });
    this.#rules.push(await startEnsuring(step.rules, { ...this.#applying, lock: this.#rulesLock }, added));
  }

  #record(step: Step): void {
    if ("link" in step && this.#made.has(keyOf(step.place, step.link))) return;
    if (isMaking(step)) for (const [place, name] of linksMadeBy(step)) this.#made.add(keyOf(place, name));
    const back = inverse(step);
    if (back !== undefined) this.#applying.record(back);
  }
}

/** The namespace whose socket a step goes through. */
function placeOfRequest(step: NetlinkStep): Place {
  if (step.do === "link.add-veth") return "host";
  return step.do === "link.add-macvlan" ? step.parent.place : step.place;
}

function keyOf(place: Place, name: string): string {
  return `${place} ${name}`;
}
