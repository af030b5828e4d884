//! Runs an S3 bucket inside the test process. The server implements as much of the protocol as data sets need, over
//! HTTP on the loopback device.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// An object, or an unfinished upload.
#[derive(Clone, Default)]
struct Object {
    bytes: Vec<u8>,
    /// Lines of the answer's header.
    attributes: String,
    parts: BTreeMap<u32, Vec<u8>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Object>,
    /// Prefixes of requests that are answered once with that status.
    refused: Vec<(&'static str, u16)>,
    requests: Vec<String>,
}

/// A bucket that exists as long as the process.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let answering = server.clone();
        std::thread::spawn(move || listener.incoming().for_each(|stream| answering.serve(&stream.unwrap())));
        server
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers the next request with this prefix with a status.
    pub(crate) fn refuse(&self, beginning: &'static str, status: u16) {
        self.state().refused.push((beginning, status));
    }

    /// Requests since the last call: method, path, and names in the query.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.state().uploads.len()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.state().objects[name].bytes.clone()
    }

    /// Replaces the bytes of an object and keeps its attributes.
    pub(crate) fn damage(&self, name: &str, bytes: Vec<u8>) {
        self.state().objects.get_mut(name).unwrap().bytes = bytes;
    }

    pub(crate) fn delete(&self, name: &str) {
        self.state().objects.remove(name).unwrap();
    }

    fn serve(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let request = line();
        let head: Vec<String> = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty())).collect();
        let field = |name: &str| {
            head.iter().find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name).map(|(_, value)| value))
        };
        let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let mut words = request.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        assert!(field("authorization").is_some_and(|text| text.contains("/eu-north-1/s3/")), "{request} is not signed");
        let (status, answer, bytes) = self.answer(method, path, query, &head, body);
        let length = bytes.len();
        write!(stream, "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}\r\n{answer}\r\n").unwrap();
        if method != "HEAD" {
            stream.write_all(&bytes).unwrap();
        }
    }

    /// Status, header lines, and body.
    fn answer(&self, method: &str, path: &str, query: &str, head: &[String], body: Vec<u8>) -> (u16, String, Vec<u8>) {
        let mut state = self.state();
        let values: BTreeMap<&str, &str> =
            query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        let told = [method, path].into_iter().chain(values.keys().copied()).collect::<Vec<_>>().join(" ");
        state.requests.push(told.trim_end().to_owned());
        if let Some(found) = state.refused.iter().position(|(beginning, _)| told.starts_with(beginning)) {
            let (_, status) = state.refused.remove(found);
            return (status, String::new(), b"<Error><Code>Refused</Code></Error>".to_vec());
        }
        let xml = |text: String| (200, String::new(), text.into_bytes());
        let tag = |text: &str| (200, format!("etag: \"{text}\"\r\n"), Vec::new());
        let name = path.trim_start_matches("/bucket").trim_start_matches('/').to_owned();
        match (method, values.get("uploadId")) {
            ("GET", _) if name.is_empty() => {
                let prefix = values["prefix"].replace("%2F", "/");
                let objects = state.objects.iter().filter(|(name, _)| name.starts_with(&prefix));
                let entries: String = objects
                    .map(|(name, object)| {
                        let (time, size) = ("2026-01-01T00:00:00.000Z", object.bytes.len());
                        format!(
                            "<Contents><Key>{name}</Key><LastModified>{time}</LastModified><Size>{size}</Size></Contents>"
                        )
                    })
                    .collect();
                xml(format!("<ListBucketResult>{entries}</ListBucketResult>"))
            }
            ("GET" | "HEAD", _) => {
                let Some(Object { bytes, attributes, .. }) = state.objects.get(&name).cloned() else {
                    return (404, String::new(), Vec::new());
                };
                let attributes = format!("{attributes}last-modified: {DATE}\r\netag: \"whole\"\r\n");
                let range = head.iter().find_map(|line| line.strip_prefix("range: bytes="));
                match range.and_then(|range| range.split_once('-')) {
                    Some((first, last)) => {
                        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                        let range = format!("content-range: bytes {first}-{last}/{}\r\n", bytes.len());
                        (206, attributes + &range, bytes[first..=last].to_vec())
                    }
                    None => (200, attributes, bytes),
                }
            }
            ("POST", None) => {
                let attributes = head.iter().filter(|line| line.starts_with("x-amz-meta-"));
                let attributes = attributes.map(|line| format!("{line}\r\n")).collect();
                state.uploads.insert(name.clone(), Object { attributes, ..Object::default() });
                xml("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>".to_owned())
            }
            ("PUT", Some(_)) => {
                let number: u32 = values["partNumber"].parse().unwrap();
                state.uploads.get_mut(&name).unwrap().parts.insert(number, body);
                tag(&format!("part {number}"))
            }
            ("POST", Some(_)) => {
                let mut object = state.uploads.remove(&name).unwrap();
                object.bytes = std::mem::take(&mut object.parts).into_values().flatten().collect();
                state.objects.insert(name, object);
                xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".to_owned())
            }
            ("DELETE", Some(_)) => {
                state.uploads.remove(&name);
                (204, String::new(), Vec::new())
            }
            ("PUT", None) => {
                state.objects.insert(name, Object { bytes: body, ..Object::default() });
                tag("whole")
            }
            _ => (405, String::new(), Vec::new()),
        }
    }
}
