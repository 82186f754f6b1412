// As much of the container runtime interface (CRI v1, gRPC) as a pod's network needs: what a kubelet would call. The field numbers
// are those of the message in k8s.io/cri-api, pkg/apis/runtime/v1/api.proto.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";

export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly protocol: "TCP" | "UDP";
    readonly containerPort: number;
    readonly hostPort: number;
    readonly hostIp?: string;
  }[];
  readonly dns?: { readonly servers: readonly string[]; readonly searches: readonly string[] };
}

const PROTOCOLS = { TCP: 0, UDP: 1 };
const HEAD = 5;

/** Starts the pod's sandbox, and returns its id. */
export async function runPod(socket: string, pod: Pod): Promise<string> {
  const answer = await call(socket, "RunPodSandbox", bytes(1, podConfig(pod)));
  return textOfFirstField(answer);
}

export async function stopPod(socket: string, id: string): Promise<void> {
  await call(socket, "StopPodSandbox", text(1, id));
}

export async function removePod(socket: string, id: string): Promise<void> {
  await call(socket, "RemovePodSandbox", text(1, id));
}

/** Whether the network plugins are ready: the condition that a kubelet waits for before it starts pods. */
export async function networkIsReady(socket: string): Promise<boolean> {
  const answer = (await call(socket, "Status", Buffer.alloc(0))).toString("latin1");
  // RuntimeCondition: type = 1, status = 2 (a varint, left out when it is false)
  return answer.includes("NetworkReady\x10\x01");
}

function podConfig({ name, uid, annotations = {}, ports = [], dns }: Pod): Buffer {
  const metadata = Buffer.concat([text(1, name), text(2, uid), text(3, "default")]);
  const resolver = dns && [...dns.servers.map((each) => text(1, each)), ...dns.searches.map((each) => text(2, each))];
  return Buffer.concat([
    bytes(1, metadata),
    text(2, name),
    ...(resolver === undefined ? [] : [bytes(4, Buffer.concat(resolver))]),
    ...ports.map((port) => bytes(5, portMapping(port))),
    ...Object.entries(annotations).map(([key, value]) => bytes(7, Buffer.concat([text(1, key), text(2, value)]))),
    bytes(8, text(1, `/pods/${name}`)),
  ]);
}

function portMapping({ protocol, containerPort, hostPort, hostIp = "" }: NonNullable<Pod["ports"]>[number]): Buffer {
  return Buffer.concat([
    number(1, PROTOCOLS[protocol]),
    number(2, containerPort),
    number(3, hostPort),
    ...(hostIp === "" ? [] : [text(4, hostIp)]),
  ]);
}

/** One call over a connection of its own. Throws what the server says when it fails. */
function call(socket: string, method: string, message: Buffer): Promise<Buffer> {
  const client = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(message.length, 1);
  const answer = new Promise<Buffer>((resolve, reject) => {
    const stream = client.request({
      ":method": "POST",
      ":path": `/runtime.v1.RuntimeService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const chunks: Buffer[] = [];
    let status: Readonly<Record<string, unknown>> = {};
    // an answer without a message has its status in the first headers
    stream.on("response", (headers) => (status = { ...headers }));
    stream.on("trailers", (headers) => (status = { ...status, ...headers }));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      if (status["grpc-status"] === "0") return resolve(Buffer.concat(chunks).subarray(HEAD));
      reject(new Error(`${method}: ${decodeURIComponent(String(status["grpc-message"]))}`));
    });
    stream.on("error", reject);
    client.on("error", reject);
    stream.end(Buffer.concat([head, message]));
  });
  return answer.finally(() => client.close());
}

function number(field: number, value: number): Buffer {
  return Buffer.from([...varint(field << 3), ...varint(value)]);
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** Of a message whose first field is a string shorter than 128 bytes. */
function textOfFirstField(message: Buffer): string {
  return message.toString("utf8", 2, 2 + (message[1] ?? 0));
}
