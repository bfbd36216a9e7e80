/** S3 and SQS for the objects bench, in a process of their own, so that they share no thread with what is measured. Prints its address. */
import { buildApp } from "fauxqs";
import type { AddressInfo } from "node:net";

const app = buildApp({ logger: false });
await app.listen({ host: "127.0.0.1", port: 0 });
process.stdout.write(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
