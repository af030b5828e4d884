use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::backend::Flex;
use serde_json::Value;

use super::*;
use crate::networks::{Networks, NetworksError};
use crate::preset::Preset;
use crate::weights::{StoredPrecision, to_bytes};

type Shapes = BTreeMap<String, Vec<usize>>;

/// Tensors with these names and shapes, which take no memory.
fn drawn(shapes: &Shapes) -> Weights {
    let mut weights = Weights::default();
    for (name, shape) in shapes {
        weights.insert(WeightSource::drawn(shape, 1, 0.1).named(name), Path::new("drawn")).unwrap();
    }
    weights
}

fn report(parts: &[(Component, &Shapes)], config: &NetworksConfig) -> LoadReport {
    let mut published = PublishedWeights::default();
    for (component, shapes) in parts {
        published.add(*component, drawn(shapes)).unwrap();
    }
    Networks::<Flex>::report_published(published, config, &Default::default()).unwrap()
}

/// Tables of the names and shapes in public checkpoints, by set.
#[expect(clippy::print_stderr, reason = "a test says when it runs fewer cases")]
fn tables() -> Option<BTreeMap<&'static str, BTreeMap<String, Shapes>>> {
    let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED").map(PathBuf::from) else {
        eprintln!("ran 0 tables of public checkpoints: STUNTDOUBLE_SHARED is not set");
        return None;
    };
    let table = |set: &'static str| {
        let text = std::fs::read_to_string(shared.join("keys").join(format!("{set}.json"))).unwrap();
        let parts: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let shapes = parts.into_iter().filter(|(part, _)| part != "config");
        (set, shapes.map(|(part, table)| (part, serde_json::from_value(table).unwrap())).collect())
    };
    Some(["moore", "mimo", "champ", "sd"].map(table).into_iter().collect())
}

#[test]
fn animate_anyone_as_published_fills_its_preset() {
    let Some(tables) = tables() else { return };
    let (moore, sd) = (&tables["moore"], &tables["sd"]);
    let parts = [
        (Component::Autoencoder, &sd["vae"]),
        (Component::ImageEncoder, &sd["image_encoder"]),
        (Component::ReferenceUnet, &moore["reference_unet"]),
        (Component::DenoisingUnet, &moore["denoising_unet"]),
        (Component::PoseGuider, &moore["pose_guider"]),
    ];
    let report = report(&parts, &Preset::Moore.config());
    report.check().unwrap();
    // All but 42 position tables.
    assert_eq!((report.loaded.len(), report.left_out.len()), (248 + 392 + 682 + 1274 - 42 + 16, 42), "{report}");
    assert!(report.initialised.is_empty());
}

#[test]
fn mimo_brings_its_own_environment_channels() {
    let Some(tables) = tables() else { return };
    let (mimo, sd) = (&tables["mimo"], &tables["sd"]);
    let parts = [
        (Component::Autoencoder, &sd["vae"]),
        (Component::ImageEncoder, &sd["image_encoder"]),
        (Component::ReferenceUnet, &mimo["reference_unet"]),
        (Component::DenoisingUnet, &mimo["denoising_unet"]),
        (Component::PoseGuider, &mimo["pose_guider"]),
    ];
    let report = report(&parts, &Preset::Sd15.config());
    report.check().unwrap();
    assert!(report.initialised.iter().all(|name| starts_afresh(name)), "{report}");
    assert!(report.initialised.iter().any(|name| name.contains("blend_modules")));
}

#[test]
fn stable_diffusion_with_diffusers_motion_modules_starts_the_papers_networks() {
    let Some(tables) = tables() else { return };
    let (champ, sd) = (&tables["champ"], &tables["sd"]);
    let mut guider = sd["controlnet_openpose"].clone();
    let check = |unet: &Shapes, motion: &Shapes, guider: &Shapes, extended: bool| {
        let parts = [
            (Component::Autoencoder, &sd["vae"]),
            (Component::ImageEncoder, &sd["image_encoder"]),
            (Component::ReferenceUnet, &sd["unet"]),
            (Component::DenoisingUnet, unet),
            (Component::MotionModules, motion),
            (Component::PoseGuider, guider),
        ];
        let report = report(&parts, &Preset::Sd15.config());
        report.check().unwrap();
        let parts_of_conv_in = report.initialised.iter().filter(|name| !starts_afresh(name));
        let expected = if extended { vec!["denoising_unet.conv_in.weight[:, 4..8]"] } else { vec![] };
        assert_eq!(parts_of_conv_in.collect::<Vec<_>>(), expected);
        report
    };
    let report = check(&sd["unet"], &sd["motion_adapter"], &guider, true);
    // The output layers of the reference network, position tables, and the other tensors of a ControlNet.
    assert_eq!(report.left_out.len(), 4 + 21 + 340 - 16);
    // AnimateDiff's names, as saved by a training program.
    let is_motion = |name: &String| name.contains("motion_modules");
    let motion = champ["denoising_unet"].iter().filter(|(name, _)| is_motion(name));
    let motion: Shapes = motion.map(|(name, shape)| (format!("module.{name}"), shape.clone())).collect();
    assert_eq!(motion.len(), 588);
    guider.retain(|name, _| name.starts_with(CONTROL_NET));
    check(&sd["unet"], &motion, &guider, true);
    // Inpainting: noise, mask and masked picture.
    let mut inpainting = sd["unet"].clone();
    inpainting.insert("conv_in.weight".into(), vec![320, 9, 3, 3]);
    let report = check(&inpainting, &motion, &guider, false);
    assert!(report.left_out.contains(&"denoising_unet.conv_in.weight[:, 4]".into()));
}

#[test]
fn champs_unets_are_taken_and_its_guidance_encoder_is_refused() {
    let Some(tables) = tables() else { return };
    let (champ, sd) = (&tables["champ"], &tables["sd"]);
    let parts = [
        (Component::Autoencoder, &sd["vae"]),
        (Component::ImageEncoder, &sd["image_encoder"]),
        (Component::ReferenceUnet, &champ["reference_unet"]),
        (Component::DenoisingUnet, &champ["denoising_unet"]),
        (Component::PoseGuider, &champ["guidance_encoder"]),
    ];
    let report = report(&parts, &Preset::Moore.config());
    assert!(report.missing.is_empty() && report.misshaped.is_empty(), "{report}");
    // Attention that this project's pose guider lacks.
    let is_attention = |name: &String| name.starts_with("pose_modulation.skeleton.") && name.contains("attention");
    assert_eq!(report.unexpected.len(), 149 - 16);
    assert!(report.unexpected.iter().all(is_attention), "{report}");
}

#[test]
fn names_of_all_files_become_ours() {
    let check = |component, theirs: &str, ours: Option<&str>| {
        assert_eq!(our_name(component, theirs).as_deref(), ours, "{theirs}");
    };
    let old = "encoder.mid_block.attentions.0";
    check(Component::Autoencoder, &format!("{old}.query.weight"), Some(&format!("{old}.to_q.weight")));
    check(Component::Autoencoder, &format!("{old}.proj_attn.bias"), Some(&format!("{old}.to_out.0.bias")));
    check(Component::Autoencoder, &format!("{old}.to_k.bias"), Some(&format!("{old}.to_k.bias")));
    check(Component::Autoencoder, &format!("{old}.group_norm.bias"), Some(&format!("{old}.group_norm.bias")));
    check(Component::Autoencoder, "quant_conv.bias", Some("quant_conv.bias"));
    check(Component::ImageEncoder, "vision_model.embeddings.position_ids", None);
    check(Component::ImageEncoder, "text_model.final_layer_norm.bias", None);
    check(Component::ImageEncoder, "logit_scale", None);
    check(Component::ImageEncoder, "pre_layrnorm.bias", Some("vision_model.pre_layrnorm.bias"));
    check(Component::ImageEncoder, "visual_projection.weight", Some("visual_projection.weight"));
    check(Component::ReferenceUnet, "conv_out.bias", None);
    check(Component::ReferenceUnet, "module.conv_in.bias", Some("conv_in.bias"));
    check(Component::DenoisingUnet, "conv_out.bias", Some("conv_out.bias"));
    let module = "mid_block.motion_modules.0";
    let ours = format!("{module}.temporal_transformer");
    let block = format!("{ours}.transformer_blocks.0");
    check(Component::MotionModules, &format!("module.{ours}.proj_in.bias"), Some(&format!("{ours}.proj_in.bias")));
    check(Component::MotionModules, &format!("{module}.proj_in.bias"), Some(&format!("{ours}.proj_in.bias")));
    let adapter = format!("{module}.transformer_blocks.0");
    check(
        Component::MotionModules,
        &format!("{adapter}.attn2.to_q.weight"),
        Some(&format!("{block}.attention_blocks.1.to_q.weight")),
    );
    check(Component::MotionModules, &format!("{adapter}.norm1.bias"), Some(&format!("{block}.norms.0.bias")));
    check(Component::MotionModules, &format!("{adapter}.norm3.bias"), Some(&format!("{block}.ff_norm.bias")));
    check(Component::MotionModules, &format!("{block}.norms.1.bias"), Some(&format!("{block}.norms.1.bias")));
    check(Component::MotionModules, &format!("{adapter}.pos_embed.pe"), None);
    check(Component::DenoisingUnet, &format!("{block}.attention_blocks.0.pos_encoder.pe"), None);
    check(Component::PoseGuider, "controlnet_cond_embedding.blocks.3.bias", Some("blocks.3.bias"));
}

/// A small network with every component, and one without environment and objects.
fn tiny() -> [NetworksConfig; 2] {
    let mut whole = Preset::Tiny.config();
    whole.reference_copy = None;
    whole.denoiser_output = Default::default();
    let mut base = whole.clone();
    base.environment = crate::preset::EnvironmentUse::Absent;
    base.objects = crate::preset::ObjectUse::Absent;
    base.pose.depth = None;
    [whole, base]
}

type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// The tensors of a small published file for each component.
fn published(config: &NetworksConfig, change: impl Fn(&mut Tensors)) -> Result<PublishedWeights, WeightError> {
    let networks = Networks::<Flex>::init(config, 1, &Default::default()).unwrap();
    let mut tensors = networks.to_tensors();
    change(&mut tensors);
    let mut published = PublishedWeights::default();
    let of_prefix = |prefix: &str| -> Tensors {
        let stripped = |(name, shape, values): &(String, Vec<usize>, Vec<f32>)| {
            Some((name.strip_prefix(prefix)?.to_owned(), shape.clone(), values.clone()))
        };
        tensors.iter().filter_map(stripped).collect()
    };
    let parts = [Component::Autoencoder, Component::ReferenceUnet, Component::DenoisingUnet, Component::PoseGuider];
    for component in parts {
        let bytes = to_bytes(&of_prefix(component.prefix()), StoredPrecision::F32, BTreeMap::new())?;
        published.add(component, Weights::from_bytes(&[&bytes], component.name())?)?;
    }
    // The test presets have learned tokens instead of an image encoder. No published file contains them.
    for (name, shape, values) in tensors.iter().filter(|(name, ..)| name.starts_with("reference_tokens.")) {
        published.weights.insert(WeightSource::in_memory(name, shape, values), Path::new("tokens"))?;
    }
    Ok(published)
}

fn load(published: PublishedWeights, config: &NetworksConfig) -> Result<(Networks<Flex>, LoadReport), NetworksError> {
    Networks::load_published(published, config, 7, &Default::default())
}

#[test]
fn parts_of_the_method_that_are_not_published_start_as_before_training() {
    let [whole, base] = tiny();
    let (_, report) = load(published(&base, |_| {}).unwrap(), &base).unwrap();
    assert!(report.initialised.is_empty() && report.unexpected.is_empty(), "{report}");
    let (_, report) = load(published(&base, |_| {}).unwrap(), &whole).unwrap();
    let kinds = ["object_guider.", "pose_modulation.depth.", "blend_modules", "conv_in.weight[:, 4..8]"];
    for kind in kinds {
        assert!(report.initialised.iter().any(|name| name.contains(kind)), "{kind}");
    }
    assert!(report.initialised.iter().all(|name| kinds.iter().any(|kind| name.contains(kind))), "{report}");
}

#[test]
fn whatever_does_not_fit_is_named() {
    let [_, base] = tiny();
    let check = |change: &dyn Fn(&mut Tensors), code: &str, named: &str| {
        let error = load(published(&base, change).unwrap(), &base).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(named), "{error}");
    };
    let name =
        "denoising_unet.down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.ff.net.0.proj.weight";
    let find = |tensors: &Tensors| tensors.iter().position(|(found, ..)| found == name).unwrap();
    check(
        &|t| {
            let place = find(t);
            t.remove(place);
        },
        "weights.missing_tensor",
        name,
    );
    check(
        &|t| {
            let place = find(t);
            t[place].1.reverse()
        },
        "weights.shape",
        name,
    );
    check(
        &|t| {
            let place = find(t);
            t[place].2[3] = f32::NAN
        },
        "weights.non_finite",
        name,
    );
    check(
        &|t| t.push(("reference_unet.more".into(), vec![1], vec![0.0])),
        "weights.unexpected_tensor",
        "reference_unet.more",
    );
    let twice = |tensors: &mut Tensors| {
        let place = find(tensors);
        let (found, shape, values) = tensors[place].clone();
        tensors.push((found.replace("denoising_unet.", "denoising_unet.module."), shape, values));
    };
    assert_eq!(published(&base, twice).unwrap_err().code(), "weights.duplicate_tensor");
}

#[test]
fn other_positions_than_sines_are_refused() {
    let module =
        "mid_block.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder.pe";
    let check = |shape: &[usize], change: f32| {
        let values = (0..32 * 8).map(|at| motion::position(at / 8, at % 8, 8) + if at == 77 { change } else { 0.0 });
        let table = WeightSource::in_memory(module, shape, &values.collect::<Vec<_>>());
        let mut file = Weights::default();
        file.insert(table, Path::new("memory")).unwrap();
        let mut published = PublishedWeights::default();
        published.add(Component::MotionModules, file).unwrap();
        published.check_positions().map_err(|error| error.code())
    };
    assert_eq!(check(&[1, 32, 8], 0.0), Ok(()));
    assert_eq!(check(&[1, 32, 8], 4e-4), Ok(()), "rounded to 16 bit");
    assert_eq!(check(&[1, 32, 8], 0.01), Err("weights.positions"));
    assert_eq!(check(&[32, 8], 0.0), Err("weights.positions"));
}

#[test]
fn a_pytorch_file_is_as_good_as_a_safetensors_file() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../checkpoint/tests/fixtures");
    for form in ["", "_legacy"] {
        let weights = Weights::read(&[folder.join(format!("layouts{form}.pth"))]).unwrap();
        let expected: Vec<f32> = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(|value| value as f32).into();
        assert_eq!(weights.values("transposed").unwrap(), (vec![4, 3], expected));
        assert_eq!(weights.values("last_row").unwrap(), (vec![4], vec![8.0, 9.0, 10.0, 11.0]));
        let weights = Weights::read(&[folder.join(format!("elements{form}.pth"))]).unwrap();
        for name in ["float64", "float32", "float16", "bfloat16"] {
            assert_eq!(weights.values(name).unwrap().1, [1.0, 0.0, 1.0], "{name}");
        }
        assert_eq!(weights.values("int64").unwrap_err().code(), "weights.data_type");
        let refused = Weights::read(&[folder.join(format!("unknown_kind{form}.pth"))]).unwrap_err();
        assert_eq!(refused.code(), "checkpoint.refused");
        assert!(!refused.help().is_empty() && refused.to_string().contains("`odd`"), "{refused}");
    }
}
