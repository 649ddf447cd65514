// SPDX-License-Identifier: MIT
//
// "What happens when ...": small scripts that let clients do something, and know which
// packets are worth looking at.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Conditions on records, for steps.
const http = (dir, url) => (r) => r.kind === "http" && r.dir === dir && url.test(r.url);
const ws = (event) => (r) => r.kind === "ws" && r.event === event;
const engine = (dir, name, data = null) => (r) => r.kind === "packet" && r.dir === dir && r.engine === name && (data === null || r.data.slice(1) === data);
const socket = (dir, types, event, client) => (r) =>
  r.socket && r.dir === dir && types.includes(r.socket.type) && (!event || r.socket.data?.[0] === event) && (!client || r.client === client);
const attachment = (dir) => (r) => r.dir === dir && Boolean(r.hex);
const either = (...conditions) => (r) => conditions.some((c) => c(r));

const EVENT = [2, 5];
const ACK = [3, 6];

/**
 * Each scenario: label of its button; steps, which may depend on the client's transport:
 * [condition on a record, what happens, true if it may be missing]; and run(actor, others), where "others" makes
 * sure that so many more clients are there and connected to the same namespace.
 */
export const SCENARIOS = {
  connect: {
    label: "a client connects",
    steps: (mode) => mode === "websocket"
      ? [
          [ws("handshake"), "The browser asks to speak WebSocket"],
          [ws("open"), "101: the server agrees"],
          [engine("in", "open"), "Engine.IO opens a session"],
          [socket("out", [0]), "May I join the namespace?"],
          [socket("in", [0]), "You are in, this is your id"],
        ]
      : [
          [http("out", /^(?!.*[?&]sid=)/), "A GET without sid asks for a session"],
          [engine("in", "open"), "Here is your session: sid and settings"],
          [socket("out", [0]), "May I join the namespace?"],
          [socket("in", [0]), "You are in, this is your id"],
          ...(mode === "upgrade"
            ? [
                [ws("handshake"), "Meanwhile: can we use a WebSocket?"],
                [engine("out", "ping", "probe"), "Probe: does it carry packets?"],
                [engine("in", "pong", "probe"), "It does"],
                [engine("in", "noop"), "A noop frees the waiting GET", true],
                [engine("out", "upgrade"), "From now on, this WebSocket"],
              ]
            : []),
        ],
    async run(actor) {
      await actor.end();
      await actor.ready();
      await pause(600);
    },
  },
  emit: {
    label: "an event is sent",
    steps: () => [
      [socket("out", EVENT, "echo"), "The client emits \"echo\""],
      [socket("in", EVENT, "echo"), "The server's handler emits it back"],
    ],
    async run(actor) {
      await actor.ready();
      actor.send("echo", "hello", { n: 1 });
    },
  },
  ack: {
    label: "an answer is wanted",
    steps: () => [
      [socket("out", EVENT, "ack"), "The event carries an id: please answer"],
      [socket("in", ACK), "The answer carries the same id"],
    ],
    async run(actor) {
      await actor.ready();
      await actor.ask("ack", { question: "are you there?" });
    },
  },
  broadcast: {
    label: "everyone is told",
    steps: () => [
      [socket("out", EVENT, "broadcast"), "One client sends it once"],
      [socket("in", EVENT, "broadcast"), "The server sends it to the first"],
      [socket("in", EVENT, "broadcast"), "to the second"],
      [socket("in", EVENT, "broadcast"), "and to the third"],
    ],
    async run(actor, others) {
      await actor.ready();
      await others(2);
      actor.send("broadcast", `hello from ${actor.name}`);
    },
  },
  room: {
    label: "a room is told",
    steps: () => [
      [socket("out", EVENT, "join"), "The first client wants to be in \"lobby\""],
      [socket("out", EVENT, "join"), "The second too; the third does not"],
      [socket("out", EVENT, "room"), "A message to the room: sent once"],
      [socket("in", EVENT, "room"), "It arrives at the first"],
      [socket("in", EVENT, "room"), "and the second. The third hears nothing"],
    ],
    async run(actor, others) {
      await actor.ready();
      const [second, third] = await others(2);
      if (third.rooms.includes("lobby")) await third.ask("leave", "lobby");
      await actor.ask("join", "lobby");
      await second.ask("join", "lobby");
      actor.send("room", "lobby", "hello lobby");
    },
  },
  binary: {
    label: "bytes are sent",
    steps: () => [
      [socket("out", [5]), "A placeholder stands for the bytes"],
      [attachment("out"), "The bytes follow"],
      [socket("in", [5]), "The same on the way back"],
      [attachment("in"), "And the bytes again"],
    ],
    async run(actor) {
      await actor.ready();
      actor.send("bin", Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x00, 0xff));
    },
  },
  disconnect: {
    label: "someone leaves",
    steps: () => [
      [socket("out", [1]), "One client says goodbye"],
      [either(engine("out", "close"), ws("close")), "and closes its session"],
      [socket("out", EVENT, "kick"), "Another asks to be kicked"],
      [socket("in", [1]), "The server puts it out"],
    ],
    async run(actor, others) {
      await actor.ready();
      const [second] = await others(1);
      await pause(300);
      await actor.end();
      second.send("kick");
    },
  },
  reject: {
    label: "the server refuses",
    steps: () => [
      [socket("out", [0]), "CONNECT with the token \"reject\""],
      [socket("in", [4]), "CONNECT_ERROR: message and data"],
      [either(engine("out", "close"), ws("close")), "The client gives up the session"],
    ],
    async run(actor) {
      await actor.end();
      const { token } = actor;
      actor.token = "reject";
      await actor.ready();
      actor.token = token;
    },
  },
  bad: {
    label: "nonsense arrives",
    steps: () => [
      [(r) => r.bad && r.kind === "packet" && r.dir === "out", "JSON that does not end"],
      [either(engine("in", "close"), ws("close")), "The server ends this connection"],
      [http("out", /[?&]sid=A{20}$/), "A request with a session id that is gone"],
      [(r) => r.kind === "http" && r.status === 400, "Status 400, code 1"],
    ],
    async run(actor) {
      await actor.ready();
      await pause(700); // let an upgrade pass
      actor.sendRaw('42["oops');
      await pause(700);
      await actor.badRequest();
    },
  },
};
