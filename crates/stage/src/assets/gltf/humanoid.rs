//! Reads the humanoid map of VRM files, which says which node is which bone, independent of the nodes' names.

use std::collections::HashMap;

use serde_json::Value;

/// Names of VRM's bones by node, from a file's bytes; none for files without a map.
///
/// VRM 0 has a list `[{bone, node}]` under `VRM`, VRM 1 an object `{bone: {node}}` under `VRMC_vrm`.
pub(crate) fn humanoid_names(bytes: &[u8]) -> HashMap<usize, String> {
    let mut names = HashMap::new();
    let Some(Ok(file)) = json_of(bytes).map(serde_json::from_slice::<Value>) else { return names };
    let node = |value: &Value| value.get("node").and_then(Value::as_u64).map(|node| node as usize);
    if let Some(bones) = file.pointer("/extensions/VRM/humanoid/humanBones").and_then(Value::as_array) {
        for bone in bones {
            if let (Some(node), Some(name)) = (node(bone), bone.get("bone").and_then(Value::as_str)) {
                names.insert(node, name.to_owned());
            }
        }
    }
    if let Some(bones) = file.pointer("/extensions/VRMC_vrm/humanoid/humanBones").and_then(Value::as_object) {
        names.extend(bones.iter().filter_map(|(name, bone)| Some((node(bone)?, name.clone()))));
    }
    names
}

/// The JSON part of a binary file, or the whole of a text file.
fn json_of(bytes: &[u8]) -> Option<&[u8]> {
    if !bytes.starts_with(b"glTF") {
        return Some(bytes);
    }
    let length = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?) as usize;
    bytes.get(20..20usize.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read_and_noise_is_not() {
        let old = br#"{"extensions": {"VRM": {"humanoid": {"humanBones": [{"bone": "leftUpperLeg", "node": 7}]}}}}"#;
        assert_eq!(humanoid_names(old).get(&7).map(String::as_str), Some("leftUpperLeg"));
        let new = br#"{"extensions": {"VRMC_vrm": {"humanoid": {"humanBones": {"hips": {"node": 3}}}}}}"#;
        let mut file = b"glTF\x02\0\0\0\0\0\0\0".to_vec();
        file.extend((new.len() as u32).to_le_bytes());
        file.extend(b"JSON");
        file.extend(new);
        assert_eq!(humanoid_names(&file).get(&3).map(String::as_str), Some("hips"));
        assert!(humanoid_names(b"glTF\x02\0\0\0\0\0\0\0\xff\xff\xff\xffJSON{").is_empty());
        assert!(humanoid_names(b"").is_empty());
    }
}
