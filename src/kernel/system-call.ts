// How the C library is called, and the only file that knows node:ffi. That module may still change; the runtime is pinned inside
// the executable, so it cannot change under us.
import ffi from "node:ffi";
import { KernelError } from "./kernel-error.ts";

/** The program itself: what it is linked with is the C library, and the OpenSSL inside Node.js. */
const program = new ffi.DynamicLibrary(null);

export const libc = lazily({
  SHA512_Final: { arguments: ["buffer", "buffer"], return: "int32" },
  SHA512_Init: { arguments: ["buffer"], return: "int32" },
  SHA512_Update: { arguments: ["buffer", "buffer", "uint64"], return: "int32" },
  __errno_location: { arguments: [], return: "pointer" },
  posix_spawn: { arguments: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], return: "int32" },
  posix_spawn_file_actions_adddup2: { arguments: ["buffer", "int32", "int32"], return: "int32" },
  syscall: { arguments: ["int64", "int64", "int64", "int64", "int64", "int64"], return: "int64" },
});

/** Making a function takes 40 us, so all system calls go through one: their numbers, of asm/unistd.h on either machine. */
const numbers = {
  x64: {
    bind: 49,
    connect: 42,
    exit_group: 231,
    flock: 73,
    getsockopt: 55,
    ioctl: 16,
    memfd_create: 319,
    pidfd_open: 434,
    pidfd_send_signal: 424,
    pipe2: 293,
    ppoll: 271,
    setns: 308,
    setsockopt: 54,
    socket: 41,
    wait4: 61,
  },
  arm64: {
    bind: 200,
    connect: 203,
    exit_group: 94,
    flock: 32,
    getsockopt: 209,
    ioctl: 29,
    memfd_create: 279,
    pidfd_open: 434,
    pidfd_send_signal: 424,
    pipe2: 59,
    ppoll: 73,
    setns: 268,
    setsockopt: 208,
    socket: 198,
    wait4: 260,
  },
} as const;

const numberOf = process.arch === "arm64" ? numbers.arm64 : numbers.x64;

/** A thread keeps its errno at one place. It is asked for now: making a function later would change the value. */
const errnoPlace = libc.__errno_location();

/** Of the last call. */
export function errno(): number {
  return ffi.getInt32(errnoPlace);
}

/** Throws its error. */
export function checked(name: keyof typeof numberOf, ...args: readonly (number | Buffer)[]): number {
  const result = call(name, ...args);
  if (result < 0) throw new KernelError(name, errno());
  return result;
}

/** -1 when it fails. A buffer stands for its address. */
export function call(name: keyof typeof numberOf, ...args: readonly (number | Buffer)[]): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((arg) =>
    typeof arg === "number" ? BigInt(arg) : addressOf(arg),
  );
  return Number(libc.syscall(BigInt(numberOf[name]), a, b, c, d, e));
}

export function addressOf(memory: Buffer): bigint {
  return ffi.getRawPointer(memory);
}

type Functions<D extends ffi.FunctionDefinitions> = {
  readonly [K in keyof D]: ReturnType<typeof program.getFunction<D[K]>>;
};

/** Making a function takes 40 us, so each is made when it is first asked for. */
function lazily<const D extends ffi.FunctionDefinitions>(definitions: D): Functions<D> {
  const functions = {};
  for (const [name, signature] of Object.entries(definitions)) {
    const get = () => {
      const value = program.getFunction(name, signature);
      Object.defineProperty(functions, name, { value });
      return value;
    };
    Object.defineProperty(functions, name, { get, configurable: true });
  }
  return functions as Functions<D>;
}
