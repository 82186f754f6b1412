// Every call into the C library, and the only file that knows node:ffi. That module may still change; the runtime is pinned
// inside the executable, so it cannot change under us. Constants are those of the Linux headers for x86-64 and AArch64.
import ffi from "node:ffi";
import { KernelError } from "./kernel-error.ts";

/** The program itself: what it is linked with is the C library, and the OpenSSL inside Node.js. */
const program = new ffi.DynamicLibrary(null);

const libc = lazily({
  SHA512_Final: { arguments: ["buffer", "buffer"], return: "int32" },
  SHA512_Init: { arguments: ["buffer"], return: "int32" },
  SHA512_Update: { arguments: ["buffer", "buffer", "uint64"], return: "int32" },
  __errno_location: { arguments: [], return: "pointer" },
  _exit: { arguments: ["int32"], return: "void" },
  connect: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  flock: { arguments: ["int32", "int32"], return: "int32" },
  getsockopt: { arguments: ["int32", "int32", "int32", "buffer", "buffer"], return: "int32" },
  ioctl: { arguments: ["int32", "uint64"], return: "int32" },
  memfd_create: { arguments: ["buffer", "uint32"], return: "int32" },
  pipe2: { arguments: ["buffer", "int32"], return: "int32" },
  poll: { arguments: ["buffer", "uint64", "int32"], return: "int32" },
  posix_spawn: { arguments: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], return: "int32" },
  posix_spawn_file_actions_adddup2: { arguments: ["buffer", "int32", "int32"], return: "int32" },
  recv: { arguments: ["int32", "buffer", "uint64", "int32"], return: "int64" },
  send: { arguments: ["int32", "buffer", "uint64", "int32"], return: "int64" },
  setns: { arguments: ["int32", "int32"], return: "int32" },
  setsockopt: { arguments: ["int32", "int32", "int32", "buffer", "uint32"], return: "int32" },
  socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
  syscall: { arguments: ["int64", "int64", "int64", "int64", "int64"], return: "int64" },
  waitpid: { arguments: ["int32", "buffer", "int32"], return: "int32" },
});

/** A thread keeps its errno at one place. It is asked for now: making a function later would change the value. */
const errnoPlace = libc.__errno_location();

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;
const SOL_NETLINK = 270;
const CLONE_NEWNET = 0x40000000;
const LOCK = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;
/** linux/nsfs.h */
const NS_GET_NSTYPE = 0xb703n;
const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
/** struct pollfd: the descriptor, what is asked at 4, what is so at 6. */
const POLLFD_SIZE = 8;
const SYS_pidfd_send_signal = 424n;
const SYS_pidfd_open = 434n;
export const SIGKILL = 9;
export const SIGTERM = 15;
const SIGPIPE = 13;
const POSIX_SPAWN_SETSIGDEF = 4;

/** Ends the process at once: no exit handlers, no tearing down of the runtime, which takes longer than most verbs. */
export function exitNow(code: number): void {
  libc._exit(code);
}

/** A route netlink socket that is connected to the kernel, so that no other process can answer in its place. */
export function netlinkSocket(protocol: number): number {
  const fd = checked("socket", libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  const kernel = Buffer.alloc(12);
  kernel.writeUInt16LE(AF_NETLINK);
  checked("connect", libc.connect(fd, kernel, kernel.length));
  return fd;
}

export function setNetlinkOption(fd: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  checked("setsockopt", libc.setsockopt(fd, SOL_NETLINK, option, bytes, bytes.length));
}

/** A number that no other network namespace has until the next boot; undefined before Linux 5.14. */
export function netnsCookie(socket: number): bigint | undefined {
  const [cookie, size] = [Buffer.alloc(8), Buffer.of(8, 0, 0, 0)];
  const known = libc.getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, size) === 0;
  return known ? cookie.readBigUInt64LE() : undefined;
}

export function send(fd: number, bytes: Buffer): void {
  checked("send", Number(libc.send(fd, bytes, BigInt(bytes.length), 0)));
}

/** One datagram, as a view into `buffer`; undefined when there is none. EMSGSIZE when it does not fit. */
export function receive(fd: number, buffer: Buffer): Buffer | undefined {
  const length = Number(libc.recv(fd, buffer, BigInt(buffer.length), MSG_TRUNC | MSG_DONTWAIT));
  if (length < 0 && errno() === 11) return undefined;
  checked("recv", length);
  if (length > buffer.length) throw new KernelError(`recv of ${length} bytes`, 90);
  return buffer.subarray(0, length);
}

/**
 * Waits until one of the descriptors has something to read, or its other end is closed; returns those. None after the time, and
 * sooner when a signal came, whatever its handler says. Without end when the time is negative.
 */
export function waitReadable(fds: readonly number[], milliseconds: number): readonly number[] {
  const entries = Buffer.alloc(fds.length * POLLFD_SIZE);
  fds.forEach((fd, i) => {
    entries.writeInt32LE(fd, i * POLLFD_SIZE);
    entries.writeInt16LE(POLLIN, i * POLLFD_SIZE + 4);
  });
  const count = libc.poll(entries, BigInt(fds.length), milliseconds);
  if (count < 0 && errno() === 4) return [];
  checked("poll", count);
  return fds.filter((_, i) => entries.readInt16LE(i * POLLFD_SIZE + 6) !== 0);
}

/** Moves this thread, and no other, into a network namespace. */
export function enterNetns(fd: number): void {
  checked("setns", libc.setns(fd, CLONE_NEWNET));
}

/** False for a namespace of another kind, and for what is no namespace. */
export function isNetns(fd: number): boolean {
  return libc.ioctl(fd, NS_GET_NSTYPE) === CLONE_NEWNET;
}

/** Equivalent to: `flock --nonblock`; false when another process holds the lock. */
export function tryLock(fd: number, kind: keyof typeof LOCK): boolean {
  if (libc.flock(fd, LOCK[kind] | LOCK_NB) === 0) return true;
  if (errno() === 11) return false;
  throw new KernelError("flock", errno());
}

/** A file without a name, for what a child process reads. */
export function anonymousFile(name: string): number {
  return checked("memfd_create", libc.memfd_create(cString(name), MFD_CLOEXEC));
}

/** For what a child process writes. */
export function pipe(): { readonly read: number; readonly write: number } {
  const fds = Buffer.alloc(8);
  checked("pipe2", libc.pipe2(fds, O_CLOEXEC));
  return { read: fds.readInt32LE(0), write: fds.readInt32LE(4) };
}

/** Starts a process with the three descriptors as its stdin, stdout and stderr. `argv` includes the name of the program. */
export function spawn(file: string, argv: readonly string[], env: readonly string[], stdio: readonly number[]): number {
  // all zero is what posix_spawn_file_actions_init makes it; the little that is added is never freed
  const actions = Buffer.alloc(80);
  stdio.forEach((fd, i) => {
    libc.posix_spawn_file_actions_adddup2(actions, fd, i);
  });
  const pid = Buffer.alloc(4);
  const number = libc.posix_spawn(pid, cString(file), actions, sigpipeToDefault(), stringList(argv), stringList(env));
  if (number !== 0) throw new KernelError(`start ${file}`, number);
  return pid.readInt32LE();
}

/** A descriptor that becomes readable when the process ends. */
export function pidfd(pid: number): number {
  return checked("pidfd_open", Number(libc.syscall(SYS_pidfd_open, BigInt(pid), 0n, 0n, 0n)));
}

/** Nothing happens when the process has ended. */
export function signalProcess(pidfd: number, signal: number): void {
  libc.syscall(SYS_pidfd_send_signal, BigInt(pidfd), BigInt(signal), 0n, 0n);
}

/** The wait status of a process that has ended. */
export function reap(pid: number): number {
  const status = Buffer.alloc(4);
  checked("waitpid", libc.waitpid(pid, status, 0));
  return status.readInt32LE();
}

/** The array of pointers that ends with NULL, of argv and envp, and the strings behind it, in one piece of memory. */
function stringList(strings: readonly string[]): Buffer {
  const texts = strings.map(cString);
  const start = (texts.length + 1) * 8;
  const list = Buffer.alloc(start + texts.reduce((size, text) => size + text.length, 0));
  const address = ffi.getRawPointer(list);
  let at = start;
  texts.forEach((text, i) => {
    text.copy(list, at);
    list.writeBigUInt64LE(address + BigInt(at), i * 8);
    at += text.length;
  });
  return list;
}

/** A posix_spawnattr_t: Node.js ignores SIGPIPE, which a child would inherit. Flags at 0, the signals to reset at 8. */
function sigpipeToDefault(): Buffer {
  const attributes = Buffer.alloc(336);
  attributes.writeInt16LE(POSIX_SPAWN_SETSIGDEF, 0);
  attributes.writeUInt32LE(1 << (SIGPIPE - 1), 8);
  return attributes;
}

/** In hexadecimal. node:crypto takes 15 ms to load, and OpenSSL's one-call functions first load its providers. */
export function sha512(text: string): string {
  const [context, digest, bytes] = [Buffer.alloc(256), Buffer.alloc(64), Buffer.from(text)];
  libc.SHA512_Init(context);
  libc.SHA512_Update(context, bytes, BigInt(bytes.length));
  libc.SHA512_Final(digest, context);
  return digest.toString("hex");
}

function errno(): number {
  return ffi.getInt32(errnoPlace);
}

function checked(call: string, result: number): number {
  if (result < 0) throw new KernelError(call, errno());
  return result;
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
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
