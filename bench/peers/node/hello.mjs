// node:http as a user writes it: `hello.mjs PORT` answers GET / and GET /page.
import { createServer } from "node:http";

const page = "x".repeat(13_000);
const texts = new Map([
  ["/", "Hello, World!"],
  ["/page", page],
]);

createServer((request, response) => {
  const text = texts.get(request.url) ?? "not found\n";
  response.writeHead(texts.has(request.url) ? 200 : 404, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": text.length,
  });
  response.end(text);
}).listen(Number(process.argv[2]), "127.0.0.1");
