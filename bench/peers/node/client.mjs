// node:http's client with an Agent that keeps connections, the same arguments and answers as
// bench/http/client.cpp. fetch(), which node has too, takes more CPU per request.
import { Agent, get } from "node:http";

const [url, requests, inFlight, warmUp] = [process.argv[2], ...process.argv.slice(3, 6).map(Number)];
const agent = new Agent({ keepAlive: process.argv[6] !== "close", maxSockets: Infinity });

function getPage() {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => {
        if (response.statusCode >= 400) reject(new Error(`status ${response.statusCode}`));
        else resolve(Buffer.concat(pieces));
      });
      response.on("error", reject);
    }).on("error", reject);
  });
}

async function runLoad(requests) {
  const tally = { completed: 0, failed: 0, bytes: 0 };
  let left = requests;
  async function getPages() {
    while (left-- > 0) {
      try {
        const body = await getPage();
        tally.completed += 1;
        tally.bytes += body.length;
      } catch (error) {
        if (tally.failed++ === 0) console.error(error);
      }
    }
  }
  await Promise.all(Array.from({ length: inFlight }, getPages));
  return tally;
}

if (warmUp > 0) await runLoad(warmUp);
const cpuBefore = process.cpuUsage();
const wallBefore = performance.now();
const { completed, failed, bytes } = await runLoad(requests);
const cpu = process.cpuUsage(cpuBefore);
const wall = (performance.now() - wallBefore) / 1e3;
console.log(`completed ${completed}\nfailed ${failed}\nbytes ${bytes}`);
console.log(`cpu ${((cpu.user + cpu.system) / 1e6).toFixed(6)}\nwall ${wall.toFixed(6)}`);
agent.destroy();
