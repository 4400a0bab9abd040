/**
 * Whether a commit group is in flight, told from process to process through one byte of a file: what the byte says
 * when the process is dead is what it was doing when it died.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export type Flight = 'none' | 'group' | 'checkpoint';
const flights: readonly Flight[] = ['none', 'group', 'checkpoint'];

export class FlightWriter {
  private readonly file: number;
  private readonly byte = Buffer.alloc(1);

  constructor(path: string) {
    this.file = openSync(path, 'w');
    this.set('none');
  }

  /** Says that a batch of so many changes is being written, until `write` has settled; a checkpoint has several changes. */
  async during<T>(changes: number, write: () => Promise<T>): Promise<T> {
    this.set(changes > 1 ? 'checkpoint' : 'group');
    try {
      return await write();
    } finally {
      this.set('none');
    }
  }

  private set(flight: Flight): void {
    this.byte[0] = flights.indexOf(flight);
    writeSync(this.file, this.byte, 0, 1, 0);
  }
}

export class FlightReader {
  private readonly file: number;
  private readonly byte = Buffer.alloc(1);

  constructor(path: string) {
    this.file = openSync(path, 'w+');
  }

  read(): Flight {
    this.byte[0] = 0;
    readSync(this.file, this.byte, 0, 1, 0);
    return flights[this.byte[0]] ?? 'none';
  }

  close(): void {
    closeSync(this.file);
  }
}
