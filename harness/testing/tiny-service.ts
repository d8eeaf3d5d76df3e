import { createServer } from "node:http";
import { connect } from "node:net";

/**
 * The smallest service that tests of the harness can storm. `GET /` says PING to every address in DEPENDENCIES
 * on new connections and answers 200 when all have answered, else 502.
 */
const dependencies = (process.env["DEPENDENCIES"] ?? "").split(",").filter((address) => address !== "");

async function ping(address: string): Promise<void> {
  const [host = "", port] = address.replace(/^http:\/\//, "").split(":");
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port: Number(port), timeout: 1_000 });
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", () => resolve(void socket.destroy()));
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error("silent")));
    socket.once("close", () => reject(new Error("closed")));
  });
}

createServer((request, response) => {
  if (request.url === "/ready") response.end("ready");
  else {
    Promise.all(dependencies.map(ping)).then(
      () => response.end("all answered"),
      (cause: Error) => {
        response.statusCode = 502;
        response.end(cause.message);
      },
    );
  }
}).listen(Number(process.env["PORT"]), "127.0.0.1");
