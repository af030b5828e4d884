//! Tests damaged and malicious files: each fault has its own error code, the error names the file, and all other files
//! are still loaded.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stuntdouble_stage::{Assets, ClipSettings, ClipSpec};

const JOINTS: [(&str, Option<usize>, [f32; 3]); 15] = [
    ("pelvis", None, [0.0, 1.0, 0.0]),
    ("head", Some(0), [0.0, 0.6, 0.0]),
    ("upperarm_l", Some(0), [0.2, 0.4, 0.0]),
    ("lowerarm_l", Some(2), [0.2, -0.2, 0.0]),
    ("hand_l", Some(3), [0.2, -0.2, 0.0]),
    ("upperarm_r", Some(0), [-0.2, 0.4, 0.0]),
    ("lowerarm_r", Some(5), [-0.2, -0.2, 0.0]),
    ("hand_r", Some(6), [-0.2, -0.2, 0.0]),
    ("thigh_l", Some(0), [0.1, 0.0, 0.0]),
    ("calf_l", Some(8), [0.0, -0.45, 0.0]),
    ("foot_l", Some(9), [0.0, -0.45, 0.0]),
    ("thigh_r", Some(0), [-0.1, 0.0, 0.0]),
    ("calf_r", Some(11), [0.0, -0.45, 0.0]),
    ("foot_r", Some(12), [0.0, -0.45, 0.0]),
    ("hat", Some(1), [0.0, 0.2, 0.0]),
];

/// A person of two triangles, with `weight` as the first skin weight of each vertex.
fn person(weight: f32) -> Value {
    let positions: [f32; 12] = [-0.3, 0.0, 0.0, 0.3, 0.0, 0.0, 0.3, 1.8, 0.0, -0.3, 1.8, 0.0];
    let mut bytes: Vec<u8> = positions.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend([0u8; 16]);
    for _ in 0..4 {
        bytes.extend([weight, 0.0, 0.0, 0.0].iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes.extend([0u16, 1, 2, 0, 2, 3].iter().flat_map(|index| index.to_le_bytes()));
    let nodes: Vec<Value> = JOINTS
        .iter()
        .enumerate()
        .map(|(index, (name, _, place))| {
            let children: Vec<usize> = (0..JOINTS.len()).filter(|&other| JOINTS[other].1 == Some(index)).collect();
            let mut node = json!({"name": name, "translation": place});
            if !children.is_empty() {
                node["children"] = json!(children);
            }
            node
        })
        .chain([json!({"name": "body", "mesh": 0, "skin": 0})])
        .collect();
    json!({
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 15]}],
        "nodes": nodes,
        "skins": [{"joints": (0..15).collect::<Vec<_>>()}],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}, "indices": 3
        }]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [-0.3, 0.0, 0.0], "max": [0.3, 1.8, 0.0]},
            {"bufferView": 1, "componentType": 5121, "count": 4, "type": "VEC4"},
            {"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC4"},
            {"bufferView": 3, "componentType": 5123, "count": 6, "type": "SCALAR"}
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 16},
            {"buffer": 0, "byteOffset": 64, "byteLength": 64},
            {"buffer": 0, "byteOffset": 128, "byteLength": 12}
        ],
        "buffers": [{"byteLength": 140, "uri": format!("data:application/octet-stream;base64,{}", base64(&bytes))}]
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for slot in 0..=chunk.len() {
            out.push(char::from(LETTERS[(bits >> (18 - 6 * slot)) as usize & 63]));
        }
    }
    out
}

/// Loads a folder with the given file among its characters, beside a valid one.
fn load(content: &[u8], extra: impl FnOnce(&Path)) -> (usize, Vec<(&'static str, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let characters = folder.path().join("characters_test");
    fs::create_dir(&characters).unwrap();
    fs::write(characters.join("a_sound.gltf"), person(1.0).to_string()).unwrap();
    fs::write(characters.join("b_hostile.gltf"), content).unwrap();
    extra(&characters);
    let (assets, warnings) = Assets::load(folder.path()).unwrap();
    (assets.counts()[0], warnings.iter().map(|warning| (warning.cause.code(), warning.cause.to_string())).collect())
}

fn check(content: &[u8], code: &str) {
    let (characters, warnings) = load(content, |_| {});
    assert_eq!(characters, 1, "the sound character is there for {code}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].0, code, "{warnings:?}");
    assert!(warnings[0].1.contains("b_hostile.gltf"), "{}", warnings[0].1);
}

#[test]
fn a_sound_file_loads() {
    let (characters, warnings) = load(person(1.0).to_string().as_bytes(), |_| {});
    assert_eq!((characters, warnings), (2, vec![]));
}

#[test]
fn a_vrm_is_understood_by_its_map_whatever_its_nodes_are_called() {
    let bones = [
        "hips",
        "head",
        "leftUpperArm",
        "leftLowerArm",
        "leftHand",
        "rightUpperArm",
        "rightLowerArm",
        "rightHand",
        "leftUpperLeg",
        "leftLowerLeg",
        "leftFoot",
        "rightUpperLeg",
        "rightLowerLeg",
        "rightFoot",
    ];
    let mut file = person(1.0);
    let mut map = serde_json::Map::new();
    for (node, bone) in bones.into_iter().enumerate() {
        file["nodes"][node]["name"] = json!(format!("node{node}"));
        map.insert(bone.to_owned(), json!({"node": node}));
    }
    check(file.to_string().as_bytes(), "stage.not_humanoid");
    file["extensions"] = json!({"VRMC_vrm": {"humanoid": {"humanBones": map}}});
    let mapped = file.to_string();
    let write = |folder: &Path| fs::write(folder.join("c_mapped.vrm"), &mapped).unwrap();
    assert_eq!(load(mapped.as_bytes(), write), (3, vec![]));
}

#[test]
fn a_pack_draws_the_same_scenes_and_damaged_packs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let characters = folder.path().join("characters_test");
    fs::create_dir(&characters).unwrap();
    fs::write(characters.join("a_sound.gltf"), person(1.0).to_string()).unwrap();
    fs::create_dir(folder.path().join("textures")).unwrap();
    image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 3, y as u8 * 3, 90]))
        .save(folder.path().join("textures/ramp.png"))
        .unwrap();
    let (assets, _) = Assets::load(folder.path()).unwrap();
    let pack = folder.path().join("assets.pack");
    let length = assets.pack(&pack, 1 << 20).unwrap();
    assert_eq!(length, fs::metadata(&pack).unwrap().len());
    let (unpacked, _) = Assets::load(&pack).unwrap();
    assert_eq!(unpacked.counts(), assets.counts());
    let settings = ClipSettings { mannequin_share: 0.0, ..crate::settings(48, 2) };
    for seed in 0..4 {
        let [one, two] = [&assets, &unpacked].map(|assets| ClipSpec::draw(seed, assets, &settings).unwrap());
        assert_eq!((&one.person, &one.action.motion), (&two.person, &two.action.motion));
        assert!(stuntdouble_stage::render_clip(&two, &unpacked).is_ok());
    }
    assert_eq!(assets.pack(&pack, 100).unwrap_err().code(), "stage.too_large");
    let bytes = fs::read(&pack).unwrap();
    for cut in [0, 5, 12, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&pack, &bytes[..cut]).unwrap();
        let error = Assets::load(&pack).unwrap_err();
        assert!(error.code() == "stage.malformed" && error.to_string().contains("assets.pack"), "{cut}: {error}");
    }
}

#[test]
fn no_joints() {
    let mut file = person(1.0);
    file["skins"] = json!([]);
    file["nodes"][15].as_object_mut().unwrap().remove("skin");
    file.as_object_mut().unwrap().remove("skins");
    check(file.to_string().as_bytes(), "stage.not_humanoid");
}

#[test]
fn joints_that_are_no_body() {
    let mut file = person(1.0);
    file["nodes"][4]["name"] = json!("flipper");
    check(file.to_string().as_bytes(), "stage.not_humanoid");
}

#[test]
fn weights_that_are_no_numbers() {
    check(person(f32::NAN).to_string().as_bytes(), "stage.not_finite");
}

#[test]
fn a_ring_of_nodes() {
    let mut file = person(1.0);
    file["nodes"][14]["children"] = json!([0]);
    check(file.to_string().as_bytes(), "stage.cyclic_hierarchy");
    let mut file = person(1.0);
    file["nodes"][14]["children"] = json!([4]);
    check(file.to_string().as_bytes(), "stage.cyclic_hierarchy");
}

#[test]
fn a_texture_that_claims_to_be_huge() {
    // The header of a PNG of 60000 x 60000, and nothing else.
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(60_000u32.to_be_bytes());
    png.extend(60_000u32.to_be_bytes());
    png.extend([8, 6, 0, 0, 0]);
    png.extend(crc(&png[12..]).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    let mut file = person(1.0);
    file["images"] = json!([{"uri": "huge.png"}]);
    file["textures"] = json!([{"source": 0}]);
    file["materials"] = json!([{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]);
    file["meshes"][0]["primitives"][0]["material"] = json!(0);
    let write = |folder: &Path| fs::write(folder.join("huge.png"), png).unwrap();
    let (characters, warnings) = load(file.to_string().as_bytes(), write);
    assert_eq!(characters, 1);
    assert_eq!(warnings[0].0, "stage.too_large", "{warnings:?}");
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn numbers_beyond_their_buffer() {
    for (pointer, value) in [
        ("/accessors/0/count", json!(4_000_000)),
        ("/accessors/1/count", json!(90_000_000_000u64)),
        ("/bufferViews/2/byteOffset", json!(4_000_000_000u64)),
        ("/buffers/0/byteLength", json!(999_999)),
    ] {
        let mut file = person(1.0);
        *file.pointer_mut(pointer).unwrap() = value;
        let (characters, warnings) = load(file.to_string().as_bytes(), |_| {});
        assert_eq!((characters, warnings.len()), (1, 1), "{pointer}: {warnings:?}");
        assert!(["stage.malformed", "stage.too_large"].contains(&warnings[0].0), "{pointer}: {warnings:?}");
    }
}

#[test]
fn joints_and_places_that_are_not_there() {
    // A vertex at infinity, and a weight for joint 77 of 15.
    let broken = |from: usize, bytes: &[u8]| {
        let mut file = person(1.0);
        let uri = file["buffers"][0]["uri"].as_str().unwrap().to_owned();
        let mut data = decoded(uri.split_once(',').unwrap().1);
        data[from..from + bytes.len()].copy_from_slice(bytes);
        file["buffers"][0]["uri"] = json!(format!("data:application/octet-stream;base64,{}", base64(&data)));
        file.to_string()
    };
    check(broken(0, &f32::INFINITY.to_le_bytes()).as_bytes(), "stage.not_finite");
    check(broken(48, &[77]).as_bytes(), "stage.malformed");
    let mut file = person(1.0);
    file["nodes"][0]["translation"] = json!([1e39, 0.0, 0.0]);
    check(file.to_string().as_bytes(), "stage.not_finite");
}

fn decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        b'a'..=b'z' => u32::from(letter - b'a') + 26,
        b'0'..=b'9' => u32::from(letter - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
    let bytes = letters.chunks(4).flat_map(|chunk| {
        let bits = chunk.iter().fold(0, |bits, letter| (bits << 6) | value(*letter)) << (6 * (4 - chunk.len()));
        (0..chunk.len() - 1).map(move |slot| (bits >> (16 - 8 * slot)) as u8)
    });
    bytes.collect()
}

#[test]
fn a_file_larger_than_the_limit_is_not_read() {
    let write = |folder: &Path| {
        // A sparse file of 2 GB takes no space on the disk.
        fs::File::create(folder.join("c_large.glb")).unwrap().set_len(2 << 30).unwrap();
    };
    let (characters, warnings) = load(person(1.0).to_string().as_bytes(), write);
    assert_eq!((characters, warnings.len()), (2, 1));
    assert!(warnings[0].0 == "stage.too_large" && warnings[0].1.contains("c_large.glb"), "{warnings:?}");
}

#[test]
fn references_outside_the_folder_and_noise() {
    let mut file = person(1.0);
    file["buffers"][0]["uri"] = json!("../../secret.bin");
    check(file.to_string().as_bytes(), "stage.malformed");
    check(b"glTF\x02\0\0\0\xff\xff\xff\xff", "stage.malformed");
    check(b"", "stage.malformed");
    let whole = person(1.0).to_string();
    check(&whole.as_bytes()[..whole.len() / 2], "stage.malformed");
}

#[test]
fn a_folder_without_assets_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Assets::load(folder.path()).unwrap_err().code(), "stage.no_assets");
    assert_eq!(Assets::load(&folder.path().join("missing")).unwrap_err().code(), "stage.unreadable");
}
