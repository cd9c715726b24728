/** The answer to a request for a file or an archive: conditions, ranges, names, and the bytes. */
import { createHash } from 'node:crypto';
import { CommandError } from '@jetstream/contract';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../../adapters/log/logger.js';
import type { ContentFacts, ContentPlace } from '../content/content-messages.js';
import type { ContentReader, OpenContent } from '../content/content-reader.js';
import type { StoredLink } from '../link-store.js';
import { answerRange, type RangeAnswer, type Representation } from './byte-range.js';
import { attachment } from './content-disposition.js';
import type { DownloadDesk, DownloadOrder, DownloadPlace } from './download-desk.js';
import type { LinkTarget } from './link-target.js';
import { busyPage, changedPage, failedPage, unknownPage, usedUpPage } from './page-texts.js';
import { sendPage, type Visit } from './visit.js';

/** Seconds after which a client that found no place may ask again. */
const BUSY_SECONDS = 30;
const ARCHIVE_NAME_CHARACTERS_MAX = 80;
/** A file that is opened in the browser after all can do nothing there. */
const FILE_POLICY = "default-src 'none'; sandbox";

export interface DownloadParts {
  readonly content: Pick<ContentReader, 'open'>;
  readonly desk: DownloadDesk;
  readonly place: ContentPlace;
  readonly log: Logger;
  readonly target: Exclude<LinkTarget, { kind: 'page' }>;
}

const representationOf = (
  link: StoredLink,
  target: LinkTarget,
  facts: ContentFacts,
): Representation => {
  const { size, mtimeus, destPath } = facts;
  const tag = createHash('sha256')
    .update(JSON.stringify([link.manifestId, target.kind, destPath, size, mtimeus]))
    .digest('base64url')
    .slice(0, 27);
  const lastModified = mtimeus === null ? null : new Date(mtimeus / 1000).toUTCString();
  return { size, etag: `"${tag}"`, lastModified };
};

const nameOf = (link: StoredLink, facts: ContentFacts): string => {
  if (facts.destPath !== null) return facts.destPath.split('/').at(-1) ?? '';
  const description = [...link.description].slice(0, ARCHIVE_NAME_CHARACTERS_MAX).join('').trim();
  return `${description === '' ? 'files' : description}.zip`;
};

const answerOf = (visit: Visit, target: LinkTarget, file: Representation): RangeAnswer => {
  const { headers } = visit.request;
  return answerRange(
    {
      // An archive is made while it is sent, and always from its start.
      range: target.kind === 'archive' ? undefined : headers.range,
      ifRange: typeof headers['if-range'] === 'string' ? headers['if-range'] : undefined,
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
    },
    file,
  );
};

const describe = (reply: FastifyReply, file: Representation, isArchive: boolean): void => {
  void reply.headers({
    'accept-ranges': isArchive ? 'none' : 'bytes',
    'cache-control': 'private, no-cache',
    'content-security-policy': FILE_POLICY,
    etag: file.etag,
    ...(file.lastModified === null ? {} : { 'last-modified': file.lastModified }),
  });
};

/** What could not be opened, as a page. */
const refuseContent = (visit: Visit, error: unknown, log: Logger): FastifyReply => {
  if (!(error instanceof CommandError)) throw error;
  const { reply, path, link } = visit;
  const { code } = error;
  const { destPath } = error.details;
  if (code === 'not_found') return sendPage(reply, 404, unknownPage());
  if (code === 'source_changed' || code === 'source_vanished') {
    const name = typeof destPath === 'string' ? destPath : null;
    return sendPage(reply, 409, changedPage(path, name));
  }
  log.warn({ tokenId: link.id, err: error }, 'a download could not begin');
  return sendPage(reply, 503, failedPage(path));
};

const sendContent = async (
  visit: Visit,
  parts: DownloadParts & { readonly seat: DownloadPlace },
  open: OpenContent,
): Promise<FastifyReply> => {
  const { request, reply, link } = visit;
  const { desk, target, seat } = parts;
  const { facts } = open;
  const file = representationOf(link, target, facts);
  const answer = answerOf(visit, target, file);
  const giveUp = (): void => {
    open.close();
    seat.leave();
  };
  if (answer.status !== 200 && answer.status !== 206) {
    giveUp();
    describe(reply, file, target.kind === 'archive');
    if (answer.status === 416) void reply.header('content-range', `bytes */${file.size}`);
    return reply.code(answer.status).send();
  }
  const { start, end } = answer.status === 206 ? answer : { start: 0, end: file.size };
  const isHead = request.method === 'HEAD';
  const order: DownloadOrder = {
    link,
    kind: target.kind,
    destPath: facts.destPath,
    key: visit.key,
    address: visit.address,
    takes: start === 0 ? 'whole' : 'rest',
    bytes: end - start,
    reachesEnd: end === file.size,
  };
  try {
    if (!isHead && (await desk.begin(order)) === 'refused') {
      giveUp();
      return sendPage(reply, 410, usedUpPage());
    }
  } catch (error) {
    giveUp();
    throw error;
  }
  describe(reply, file, target.kind === 'archive');
  void reply.code(answer.status).headers({
    'content-type': target.kind === 'archive' ? 'application/zip' : 'application/octet-stream',
    'content-disposition': attachment(nameOf(link, facts)),
    'content-length': String(end - start),
    ...(answer.status === 206 ? { 'content-range': `bytes ${start}-${end - 1}/${file.size}` } : {}),
  });
  if (isHead) {
    giveUp();
    return reply.send();
  }
  const stream = open.stream(start, end);
  desk.watch(order, stream, seat);
  // The client may have gone while the download was counted.
  if (request.raw.socket.destroyed) stream.destroy();
  return reply.send(stream);
};

/** Answers a GET or HEAD for a file or an archive. */
export const serveDownload = async (visit: Visit, parts: DownloadParts): Promise<FastifyReply> => {
  const { reply, address } = visit;
  const { content, desk, place, target, log } = parts;
  const seat = desk.enter(address);
  if (seat === null) {
    void reply.header('retry-after', String(BUSY_SECONDS));
    return sendPage(reply, 503, busyPage());
  }
  let open: OpenContent;
  try {
    const choice = target.kind === 'file' ? target : ({ kind: 'archive' } as const);
    open = await content.open(place, choice);
  } catch (error) {
    seat.leave();
    return refuseContent(visit, error, log);
  }
  return sendContent(visit, { ...parts, seat }, open);
};
