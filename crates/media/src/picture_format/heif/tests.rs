//! Tests with files that are assembled around pictures encoded by ffmpeg. Without a suitable encoder, fewer cases run.

use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::picture::Picture;

/// A box.
fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], name, body].concat()
}

/// A full box of version 0.
fn full(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    boxed(name, &[&[0; 4], body].concat())
}

fn short(value: usize) -> [u8; 2] {
    (value as u16).to_be_bytes()
}

/// One picture as ffmpeg encodes it; none without such an encoder.
fn coded(ffmpeg: &Ffmpeg, folder: &Path, colour: &str, format: &str) -> Option<Vec<u8>> {
    let output = folder.join(format!("{colour}.{format}"));
    let source = format!("color={colour}:s=64x64,format=yuv420p,scale=out_color_matrix=bt709");
    let encoder: &[&str] = match format {
        "hevc" => &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-f", "hevc"],
        _ => &["-c:v", "libaom-av1", "-cpu-used", "8", "-f", "ivf"],
    };
    let done = Command::new(ffmpeg.path())
        .args(["-loglevel", "error", "-y", "-f", "lavfi", "-i", &source, "-frames:v", "1"])
        .args(["-colorspace", "bt709"])
        .args(encoder)
        .arg(&output)
        .output()
        .ok()?;
    if !done.status.success() {
        return None;
    }
    std::fs::read(output).ok()
}

/// Configuration and data of a picture in a stream of HEVC with start codes.
fn hevc_item(stream: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut starts: Vec<usize> =
        stream.windows(3).enumerate().filter(|(_, word)| *word == [0, 0, 1]).map(|(at, _)| at + 3).collect();
    starts.push(stream.len() + 3);
    let units = starts.windows(2).map(|pair| {
        let unit = &stream[pair[0]..pair[1] - 3];
        unit.strip_suffix(&[0]).unwrap_or(unit)
    });
    let (mut sets, mut count, mut data) = (vec![], 0, vec![]);
    for unit in units {
        match unit[0] >> 1 & 63 {
            kind @ 32..=34 => {
                sets.extend([&[kind][..], &short(1), &short(unit.len()), unit].concat());
                count += 1;
            }
            0..=31 => data.extend([&(unit.len() as u32).to_be_bytes()[..], unit].concat()),
            _ => {}
        }
    }
    let mut config = vec![0; 21];
    config.extend([3, count]);
    config.extend(sets);
    (config, data)
}

/// A file with a grid of tiles in two columns, turned by `turns` quarters.
fn grid_file(tiles: &[(Vec<u8>, Vec<u8>)], turns: u8, size: (u32, u32)) -> Vec<u8> {
    let count = tiles.len();
    let grid = [0, 0, (count / 2 - 1) as u8, 1].into_iter().chain(short(size.0 as usize)).chain(short(size.1 as usize));
    let mut items: Vec<Vec<u8>> = vec![grid.collect()];
    items.extend(tiles.iter().map(|(_, data)| data.clone()));
    let kind = |item: usize| if item == 0 { b"grid" } else { b"hvc1" };
    let infos: Vec<u8> = (0..=count)
        .flat_map(|item| boxed(b"infe", &[&[2, 0, 0, 0][..], &short(item + 1), &[0; 2], kind(item), &[0]].concat()))
        .collect();
    let infos = full(b"iinf", &[&short(count + 1)[..], &infos].concat());
    let references: Vec<u8> = [1, count].into_iter().chain(2..count + 2).flat_map(short).collect();
    let references = full(b"iref", &boxed(b"dimg", &references));
    let sized = |(width, height): (u32, u32)| full(b"ispe", &[width.to_be_bytes(), height.to_be_bytes()].concat());
    let configs: Vec<u8> = tiles.iter().flat_map(|(config, _)| boxed(b"hvcC", config)).collect();
    let properties = [sized(size), boxed(b"irot", &[turns]), sized((64, 64)), configs].concat();
    let mut owned = vec![0, 0, 0, count as u8 + 1, 0, 1, 2, 1, 2];
    (0..count).for_each(|tile| owned.extend([0, tile as u8 + 2, 2, 3, tile as u8 + 4]));
    let properties = boxed(b"iprp", &[boxed(b"ipco", &properties), full(b"ipma", &owned)].concat());
    let file = |start: u32| {
        let mut places = [&[0x44, 0][..], &short(count + 1)].concat();
        let mut at = start;
        for (item, data) in items.iter().enumerate() {
            places.extend([short(item + 1), short(0), short(1)].concat());
            places.extend(at.to_be_bytes().into_iter().chain((data.len() as u32).to_be_bytes()));
            at += data.len() as u32;
        }
        let body =
            [full(b"pitm", &short(1)), infos.clone(), full(b"iloc", &places), references.clone(), properties.clone()];
        [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), full(b"meta", &body.concat()), boxed(b"mdat", &items.concat())]
            .concat()
    };
    // Offsets have the same length, whatever their value.
    let start = file(0).len() - items.concat().len();
    file(start as u32)
}

struct Bench {
    folder: tempfile::TempDir,
    ffmpeg: Ffmpeg,
}

impl Bench {
    #[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
    fn new() -> Option<Self> {
        let found = Ffmpeg::find(None).ok();
        if found.is_none() {
            eprintln!("ran 0 files: no ffmpeg");
        }
        found.map(|ffmpeg| Self { folder: tempfile::tempdir().unwrap(), ffmpeg })
    }

    /// The file name claims another format, as a phone's may.
    fn load(&self, bytes: &[u8]) -> Result<Still> {
        let path: PathBuf = self.folder.path().join("photo.jpg");
        std::fs::write(&path, bytes).unwrap();
        Still::load(&path, PictureLimits::default(), Some(&self.ffmpeg))
    }

    #[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
    fn tiles(&self) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let coded =
            ["red", "lime", "blue", "white"].map(|colour| coded(&self.ffmpeg, self.folder.path(), colour, "hevc"));
        let all: Option<Vec<_>> = coded.into_iter().map(|stream| stream.map(|stream| hevc_item(&stream))).collect();
        if all.is_none() {
            eprintln!("ran 0 files: ffmpeg encodes no HEVC");
        }
        all
    }
}

/// Which of the three colours are strong.
fn strong(picture: &Picture, x: usize, y: usize) -> [bool; 3] {
    picture.get(x, y).map(|value| value > 127)
}

#[test]
fn a_grid_of_tiles_is_one_picture_and_turned() {
    let Some(bench) = Bench::new() else { return };
    let Some(tiles) = bench.tiles() else { return };
    let (red, green, blue, white) = ([true, false, false], [false, true, false], [false, false, true], [true; 3]);
    // The data ends within the last tiles.
    let upright = bench.load(&grid_file(&tiles, 0, (120, 100))).unwrap().picture;
    assert_eq!(upright.size(), (120, 100));
    let corners = |picture: &Picture| {
        let (right, bottom) = (picture.width() - 9, picture.height() - 9);
        [strong(picture, 8, 8), strong(picture, right, 8), strong(picture, 8, bottom), strong(picture, right, bottom)]
    };
    assert_eq!(corners(&upright), [red, green, blue, white]);
    let turned = bench.load(&grid_file(&tiles, 1, (120, 100))).unwrap().picture;
    assert_eq!(turned.size(), (100, 120));
    assert_eq!(corners(&turned), [green, white, red, blue]);
}

#[test]
fn damaged_files_are_errors() {
    let Some(bench) = Bench::new() else { return };
    let Some(tiles) = bench.tiles() else { return };
    let whole = grid_file(&tiles, 0, (120, 100));
    for twentieth in 1..20 {
        let code = bench.load(&whole[..whole.len() * twentieth / 20]).err().map(|error| error.code());
        assert_eq!(code, Some("image.damaged"), "{twentieth}/20");
    }
    let missing = bench.load(&grid_file(&tiles[..2], 0, (120, 100))).err().map(|error| error.code());
    assert_eq!(missing, Some("image.damaged"));
    for at in (0..whole.len().min(900)).step_by(3) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        // It must not panic, whatever the result.
        let _ = Boxes::read(&changed).map(|boxes| (boxes.size(boxes.primary), boxes.data(&changed, 2)));
    }
    let huge = bench.load(&grid_file(&tiles, 0, (60_000, 60_000))).err().map(|error| error.code());
    assert_eq!(huge, Some("image.damaged"), "the tiles do not cover it");
}

#[test]
#[expect(clippy::print_stderr, reason = "says that it ran fewer cases")]
fn an_avif_picture_is_read() {
    let Some(bench) = Bench::new() else { return };
    let Some(stream) = coded(&bench.ffmpeg, bench.folder.path(), "blue", "ivf") else {
        eprintln!("ran 0 files: ffmpeg encodes no AV1");
        return;
    };
    let data = stream[44..].to_vec();
    let infos = boxed(b"infe", &[&[2, 0, 0, 0][..], &short(1), &[0; 2], b"av01", &[0]].concat());
    let size = full(b"ispe", &[64_u32.to_be_bytes(); 2].concat());
    let properties = [size, boxed(b"av1C", &[0x81, 0, 0, 0])].concat();
    let properties =
        boxed(b"iprp", &[boxed(b"ipco", &properties), full(b"ipma", &[0, 0, 0, 1, 0, 1, 2, 1, 2])].concat());
    let file = |start: u32| {
        let place = [&[0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1][..], &start.to_be_bytes(), &(data.len() as u32).to_be_bytes()];
        let infos = full(b"iinf", &[&short(1)[..], &infos].concat());
        let body = [full(b"pitm", &short(1)), infos, full(b"iloc", &place.concat()), properties.clone()].concat();
        [boxed(b"ftyp", b"avif\0\0\0\0mif1avif"), full(b"meta", &body), boxed(b"mdat", &data)].concat()
    };
    let start = file(0).len() - data.len();
    let still = bench.load(&file(start as u32)).unwrap();
    assert_eq!((still.picture.size(), strong(&still.picture, 30, 30)), ((64, 64), [false, false, true]));
    assert!(crate::still::needs_ffmpeg(&bench.folder.path().join("photo.jpg")).unwrap());
}
