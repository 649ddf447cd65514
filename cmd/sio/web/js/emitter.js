// SPDX-License-Identifier: MIT

/** A minimal event emitter: on(name, fn), emit(name, ...args). */
export class Emitter {
  #listeners = new Map();

  on(name, fn) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), fn]);
    return this;
  }

  emit(name, ...args) {
    for (const fn of this.#listeners.get(name) ?? []) fn(...args);
  }
}
