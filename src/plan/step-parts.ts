import type { Place } from "./facts.ts";

export interface OfLink {
  readonly place: Place;
  readonly link: string;
}

export interface Tolerant {
  /** Errors of the kernel that mean that there is nothing to do, each with its reason where the step is made. */
  readonly tolerate?: readonly string[];
}
