//! Downloads files from a model hub over HTTP. An interrupted download is resumed with `Range`, also after a restart.
//! The hash of the complete file is compared with the catalogue.

use crate::catalogue::{Entry, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::lock::Lock;
use crate::progress::Progress;
use crate::store::{Options, Store};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// After this many connections in a row without data the download fails, even if more are allowed: the server is not
/// there.
const BARREN: u32 = 3;

/// The HTTP client for all hub requests. It requests uncompressed bytes, because a compressed answer could not be
/// resumed.
fn agent(options: &Options) -> ureq::Agent {
    let builder = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("stuntdouble/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(options.stall))
        .timeout_per_read(Some(options.stall));
    let builder = if options.system_proxy { builder } else { builder.proxy(None) };
    builder.build().new_agent()
}

/// The address of a file.
pub(crate) fn address(hub: &str, repository: &str, revision: &str, path: &str) -> String {
    format!("{}/{repository}/resolve/{revision}/{path}", hub.trim_end_matches('/'))
}

/// Downloads a file into the store.
pub(crate) fn obtain(
    store: &Store,
    entry: &Entry,
    source: &Source,
    url: &str,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, Error> {
    let _lock = Lock::acquire(&store.locks(), &source.sha256.to_string(), &entry.name, tell)?;
    if let Ok(Some(path)) = store.look_at(entry, source) {
        return Ok(path); // Another process downloaded it while we waited.
    }
    let folder = store.partial();
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let part = folder.join(format!("{}.part", source.sha256));
    let download =
        Download { agent: agent(store.options()), options: store.options(), entry, source, url, part: &part };
    download.complete(tell)?;
    store.install(entry, source, &part)
}

struct Download<'a> {
    agent: ureq::Agent,
    options: &'a Options,
    entry: &'a Entry,
    source: &'a Source,
    url: &'a str,
    part: &'a Path,
}

/// Why one connection did not deliver the rest of the file.
enum Stop {
    /// Another attempt may succeed.
    Cut(String),
    /// Another attempt would fail too.
    Final(Error),
}

impl Download<'_> {
    /// Downloads the rest of the partial file and compares its hash.
    fn complete(&self, tell: &mut dyn FnMut(Progress<'_>)) -> Result<(), Error> {
        let (name, size) = (self.entry.name.as_str(), self.source.size);
        let (mut cuts, mut barren) = (0, 0);
        let mut from_before = self.length() > 0;
        loop {
            if self.length() > size {
                self.discard()?;
            }
            if self.length() < size {
                let before = self.length();
                match self.connect_once(tell) {
                    Ok(()) => {}
                    Err(Stop::Final(error)) => return Err(error),
                    Err(Stop::Cut(reason)) => {
                        cuts += 1;
                        barren = if self.length() > before { 0 } else { barren + 1 };
                        if cuts > self.options.resumptions || barren == BARREN {
                            let (done, url) = (self.length(), self.url.to_owned());
                            return Err(Error::Connection { cuts, done, total: size, reason, url });
                        }
                        tell(Progress::Resuming { name, cuts, reason: &reason });
                        std::thread::sleep(self.options.pause * cuts.min(10));
                    }
                }
                continue;
            }
            let found = Digest::of_file(self.part).map_err(Error::io("read", self.part))?;
            if found == self.source.sha256 {
                return Ok(());
            }
            self.discard()?;
            // An earlier run may have left a corrupt partial file, so the source gets one more chance.
            if !std::mem::take(&mut from_before) {
                return Err(Error::wrong_hash(name, found, self.source.sha256, self.url));
            }
        }
    }

    fn length(&self) -> u64 {
        std::fs::metadata(self.part).map_or(0, |metadata| metadata.len())
    }

    fn discard(&self) -> Result<(), Error> {
        std::fs::remove_file(self.part).map_err(Error::io("remove", self.part))
    }

    /// Sends one request and appends the answer to the partial file. Returns `Ok` if the file then has its full length.
    fn connect_once(&self, tell: &mut dyn FnMut(Progress<'_>)) -> Result<(), Stop> {
        let have = self.length();
        let mut request = self.agent.get(self.url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        if let Some(token) = &self.options.hub_token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| Stop::Cut(error.to_string()))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let (start, total) = match response.status().as_u16() {
            200 => (0, header("content-length").and_then(|text| text.parse().ok())),
            206 => content_range(header("content-range").unwrap_or_default())
                .filter(|(start, _)| *start == have)
                .ok_or_else(|| Stop::Cut("the server sent a range that was not requested".to_owned()))?,
            // The server has no more bytes than we have, so what we have cannot be the file.
            416 => {
                self.discard().map_err(Stop::Final)?;
                return Err(Stop::Cut("the server cannot satisfy the requested range".to_owned()));
            }
            status @ (408 | 429 | 500..) => return Err(Stop::Cut(format!("HTTP status {status}"))),
            status => return Err(Stop::Final(Error::HttpStatus { status, url: self.url.to_owned() })),
        };
        if let Some(total) = total
            && total != self.source.size
        {
            return Err(Stop::Final(Error::wrong_size(&self.entry.name, total, self.source.size, self.url)));
        }
        self.append(start, response.into_body().into_reader(), tell)
    }

    /// Writes a body to the partial file, from byte `start` on.
    fn append(&self, start: u64, body: impl Read, tell: &mut dyn FnMut(Progress<'_>)) -> Result<(), Stop> {
        let refused = |action| move |error| Stop::Final(Error::io(action, self.part)(error));
        let mut part = File::options().create(true).append(true).open(self.part).map_err(refused("write"))?;
        part.set_len(start).map_err(refused("write"))?;
        let (mut done, total) = (start, self.source.size);
        // Reads one byte more than expected. This detects a body without a stated length that is too long.
        let mut body = body.take(total - start + 1);
        let mut block = vec![0u8; 1 << 17];
        while done < total + 1 {
            let count = match body.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Cut(error.to_string())),
            };
            part.write_all(&block[..count]).map_err(refused("write"))?;
            done += count as u64;
            tell(Progress::Bytes { name: &self.entry.name, done: done.min(total), total });
        }
        if done > total {
            let _ = self.discard();
            return Err(Stop::Final(Error::wrong_size(&self.entry.name, done, total, self.url)));
        }
        if done < total {
            return Err(Stop::Cut(format!("the response ended after {done} bytes")));
        }
        Ok(())
    }
}

/// Parses `bytes 5-9/10` into `(5, Some(10))`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for text in ["", "bytes", "bytes */10", "items 5-9/10", "bytes x-9/10"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_follow_the_hub_convention() {
        assert_eq!(address("http://h/", "o/n", "rev", "a/b.onnx"), "http://h/o/n/resolve/rev/a/b.onnx");
    }
}
