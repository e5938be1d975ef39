// What every answer of the server has: its headers, its length, and the form of a refusal.
import type { ServerResponse } from "node:http";
import type { Refusal } from "./contract/api.ts";

export const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

export function refuse(response: ServerResponse, status: number, reason: string): void {
  const answer: Refusal = { result: "failure", code: "ERR_HTTP", reason };
  sendJson(response, status, answer);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, "application/json; charset=utf-8", JSON.stringify(value));
}

export function send(response: ServerResponse, status: number, type: string, text: string, more = {}): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, { ...HEADERS, ...more, "content-type": type, "content-length": length });
  response.end(response.req.method === "HEAD" ? undefined : text);
}
