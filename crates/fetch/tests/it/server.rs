//! Implements a small HTTP server on the loopback device. The server misbehaves on request.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

/// How to answer one request. The last plan answers all further requests.
pub(crate) enum Plan {
    /// Correctly: the complete file or the range.
    Right,
    /// The right head, then this many bytes of the body, then the connection closes.
    CutAfter(usize),
    /// The right head and this many bytes. The rest follows when the channel sends a signal or closes.
    HoldAfter(usize, Receiver<()>),
    /// The complete file, whatever range was requested.
    IgnoreRange,
    /// The complete file without a length. It ends when the connection closes.
    NoLength(Vec<u8>),
    /// Only a status.
    Status(u16),
    /// Another document.
    Other(Vec<u8>),
    /// A redirect to this address.
    Redirect(String),
}

/// The requests received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) authorization: Option<String>,
}

pub(crate) struct Server {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(body: Vec<u8>, plans: Vec<Plan>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut plans = plans.into_iter().peekable();
            let mut last = None;
            for stream in listener.incoming().flatten() {
                if let Some(plan) = plans.next() {
                    last = Some(plan);
                }
                // Serves one request at a time, because the tests need a fixed order.
                let _ = answer(stream, &body, last.as_ref().unwrap(), &seen);
            }
        });
        Self { address, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.requests().into_iter().map(|request| request.range).collect()
    }
}

fn answer(mut stream: TcpStream, body: &[u8], plan: &Plan, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut request = Request::default();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = Some(value.to_owned()),
                "authorization" => request.authorization = Some(value.to_owned()),
                _ => {}
            }
        } else if let Some(path) = line.split(' ').nth(1) {
            request.path = path.to_owned();
        }
    }
    let start = request.range.as_ref().map(|range| {
        range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap().parse::<usize>().unwrap()
    });
    seen.lock().unwrap().push(request);
    let mut send = |status: &str, extra: &str, length: usize, part: &[u8]| {
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{extra}\r\n")?;
        stream.write_all(part)?;
        stream.flush()
    };
    let mut ranged = |upto: Option<usize>| match start {
        Some(start) if start >= body.len() => send("416 Range Not Satisfiable", "", 0, &[]),
        Some(start) => {
            let rest = &body[start..];
            let extra = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
            send("206 Partial Content", &extra, rest.len(), &rest[..upto.unwrap_or(rest.len()).min(rest.len())])
        }
        None => send("200 OK", "", body.len(), &body[..upto.unwrap_or(body.len())]),
    };
    match plan {
        Plan::Right => ranged(None),
        Plan::CutAfter(count) => ranged(Some(*count)),
        Plan::HoldAfter(count, sign) => {
            ranged(Some(*count))?;
            if sign.recv().is_ok() { stream.write_all(&body[start.unwrap_or(0) + count..]) } else { Ok(()) }
        }
        Plan::IgnoreRange => send("200 OK", "", body.len(), body),
        Plan::NoLength(other) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            stream.write_all(other)
        }
        Plan::Status(status) => send(&format!("{status} No"), "", 0, &[]),
        Plan::Other(other) => send("200 OK", "", other.len(), other),
        Plan::Redirect(to) => send("302 Found", &format!("Location: {to}\r\n"), 0, &[]),
    }
}
