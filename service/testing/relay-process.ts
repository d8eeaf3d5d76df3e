import { connect, createServer } from "node:net";

const [port, targetPort] = process.argv.slice(2).map(Number);

const server = createServer((client) => {
  const target = connect(targetPort ?? 0, "127.0.0.1");
  client.pipe(target).pipe(client);
  client.on("error", () => target.destroy()).on("close", () => target.destroy());
  target.on("error", () => client.destroy()).on("close", () => client.destroy());
});
server.listen({ port, host: "127.0.0.1", backlog: 1 }, () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
process.once("disconnect", () => process.exit());
