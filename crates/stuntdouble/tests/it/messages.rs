//! Help texts and error messages, word for word, as users see them. `INSTA_UPDATE=new` and `cargo insta review` take
//! over intended changes.

use crate::cli::{stuntdouble, text};

/// What `--help` prints.
fn help(command: &str) -> String {
    let output = stuntdouble(&[command, "--help"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The exit code and what stands on standard error.
fn failure(arguments: &[&str]) -> String {
    let output = stuntdouble(arguments);
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    format!("exit code {}\n{}", output.status.code().unwrap(), text(&output.stderr))
}

/// A failure of `replace` with these options.
fn replace(options: &[&str]) -> String {
    let needed = ["replace", "--character", "hero.png", "--video", "take.mp4", "-o", "out.mp4"];
    failure(&[&needed[..], options].concat())
}

#[test]
fn help_of_replace() {
    insta::assert_snapshot!(help("replace"), @r"
    Put the character in the person's place, in the video's own scene

    Usage: stuntdouble replace [OPTIONS] --character <PICTURE> --video <VIDEO> --output <FILE>

    Options:
          --character <PICTURE>
              Picture of the character; repeat the option for other views of it (back, face)

          --json
              Print one JSON event a line on standard output

          --character-pose <FILE>
              Pose of the character in its first picture: a `pose.json` or an OpenPose file

          --offline
              Never use the network; a missing file is an error

          --video <VIDEO>
              The driving video: a video file, a GIF, or a folder of frames

      -o, --output <FILE>
              The video to write

          --run-dir <FOLDER>
              Where intermediate files are kept [default: the output's name with `.run`]

          --signals <FOLDER>
              Use these signals instead of perceiving them: a folder that `perceive` wrote, edited or not, or one from elsewhere

          --dry-run
              Report what would be done, and do nothing

          --weight-cache <FOLDER>
              Cache the prepacked weights of `--weights` in this folder, 2 to 4.5 bytes a number, so that later runs start sooner [default: `packs` in the cache]

          --no-weight-cache
              Do not cache prepacked weights, and use none

          --config <FILE>
              Read settings from a TOML file; options take precedence over it

          --set <NAME=VALUE>
              Set any setting by name; takes precedence over everything else

          --preset <PRESET>
              Networks to run

              Possible values:
              - bundled: The small networks of this project, inside the program
              - sd15:    The paper's size, with weights from `--weights`: ours, or public ones as a starting point
              - moore:   Animate Anyone, the predecessor of the method, with its public weights from `--weights`
              - tiny:    Random weights, for tests

          --weights <FOLDER>
              Folder of weights: safetensors or PyTorch files

          --device <DEVICE>
              Where the networks run

              Possible values:
              - auto: The best device of this build
              - cpu:  The processor

          --precision <PRECISION>
              Number format of the networks

              Possible values:
              - f32:  32 bit
              - bf16: 16 bit with 8 bits of mantissa, sums in 32 bit. Faster on processors with bf16 instructions, and half the memory for features

          --seed <SEED>
              Seed of the noise

          --steps <STEPS>
              Denoising steps

          --guidance <GUIDANCE>
              Classifier-free guidance; 1 switches it off

          --mask <MASK>
              Shape of the removed region

              Possible values:
              - shape-agnostic: Blocks of about 10 pixels (Eq. 2)
              - precise:        The person's outline
              - box:            The bounding box

          --mask-blocks <N>
              Number of blocks along each side of the person's box, instead of blocks of about 10 pixels

          --person <X,Y[@T]>
              The person to replace: a point of it in pixels; T as seconds (`1.5`) or a frame (`12f`)

          --object <X,Y[@T]>
              An object to keep: a point in it, at T; give the option again for more objects, each a layer of its own

          --object-box <X,Y,W,H[@T]>
              An object to keep: left, top, width and height of a box around it, at T

          --not <X,Y[@T]>
              A point that does not belong to the object named before it

          --character-at <X,Y>
              The character, if its first picture shows several people: a point of that picture in pixels

          --draft
              Make the video from drafts alone, by geometry

          --proportions <0..1>
              Proportions of the result: 0 = the driving person's bone lengths, 1 = the character's own

          --height <FACTOR>
              The character's height relative to the driving person's: 0.6 for a child, 1.3 for a giant

          --quick
              Perceive faster and less exactly, with lighter networks

          --raw
              Show the network's whole picture instead of compositing it into the source

          --max-frames <N>
              Process at most this many frames

          --tolerate-damage
              Continue if the video is damaged, with the frames that can be decoded

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_perceive() {
    insta::assert_snapshot!(help("perceive"), @r"
    Write pose and masks as files, with a contact sheet

    Usage: stuntdouble perceive [OPTIONS] --output <FOLDER> <VIDEO>

    Arguments:
      <VIDEO>
              The video: a video file, a GIF, or a folder of frames

    Options:
          --json
              Print one JSON event a line on standard output

      -o, --output <FOLDER>
              The folder to write

          --config <FILE>
              Read settings from a TOML file; options take precedence over it

          --offline
              Never use the network; a missing file is an error

          --set <NAME=VALUE>
              Set any setting by name; takes precedence over everything else

          --preset <PRESET>
              Networks to run

              Possible values:
              - bundled: The small networks of this project, inside the program
              - sd15:    The paper's size, with weights from `--weights`: ours, or public ones as a starting point
              - moore:   Animate Anyone, the predecessor of the method, with its public weights from `--weights`
              - tiny:    Random weights, for tests

          --weights <FOLDER>
              Folder of weights: safetensors or PyTorch files

          --device <DEVICE>
              Where the networks run

              Possible values:
              - auto: The best device of this build
              - cpu:  The processor

          --precision <PRECISION>
              Number format of the networks

              Possible values:
              - f32:  32 bit
              - bf16: 16 bit with 8 bits of mantissa, sums in 32 bit. Faster on processors with bf16 instructions, and half the memory for features

          --seed <SEED>
              Seed of the noise

          --steps <STEPS>
              Denoising steps

          --guidance <GUIDANCE>
              Classifier-free guidance; 1 switches it off

          --mask <MASK>
              Shape of the removed region

              Possible values:
              - shape-agnostic: Blocks of about 10 pixels (Eq. 2)
              - precise:        The person's outline
              - box:            The bounding box

          --mask-blocks <N>
              Number of blocks along each side of the person's box, instead of blocks of about 10 pixels

          --person <X,Y[@T]>
              The person to replace: a point of it in pixels; T as seconds (`1.5`) or a frame (`12f`)

          --object <X,Y[@T]>
              An object to keep: a point in it, at T; give the option again for more objects, each a layer of its own

          --object-box <X,Y,W,H[@T]>
              An object to keep: left, top, width and height of a box around it, at T

          --not <X,Y[@T]>
              A point that does not belong to the object named before it

          --character-at <X,Y>
              The character, if its first picture shows several people: a point of that picture in pixels

          --draft
              Make the video from drafts alone, by geometry

          --proportions <0..1>
              Proportions of the result: 0 = the driving person's bone lengths, 1 = the character's own

          --height <FACTOR>
              The character's height relative to the driving person's: 0.6 for a child, 1.3 for a giant

          --quick
              Perceive faster and less exactly, with lighter networks

          --raw
              Show the network's whole picture instead of compositing it into the source

          --max-frames <N>
              Process at most this many frames

          --tolerate-damage
              Continue if the video is damaged, with the frames that can be decoded

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_train() {
    insta::assert_snapshot!(help("train"), @r"
    Train networks from a configuration file, follow a run, or prepare videos for one

    Usage: stuntdouble train [OPTIONS] <CONFIG>
           stuntdouble train <COMMAND>

    Commands:
      plot  Draw losses, learning rate and held-out measures of a run over its steps
      data  Turn videos into training data, or check a set
      help  Print this message or the help of the given subcommand(s)

    Arguments:
      <CONFIG>  The configuration, TOML

    Options:
          --json               Print one JSON event a line on standard output
          --offline            Never use the network; a missing file is an error
          --set <PLACE=VALUE>  Change a setting of the configuration by its place, for example `feed.batch=2`
          --device <NAME>      Where to train: `cpu`, or `cuda:N` in a build with libtorch [default: cpu]
          --steps <N>          Total number of steps
          --time-limit <TIME>  Stop after this time and save everything: minutes, or with a unit such as `90s`, `8m`, `2h`
      -h, --help               Print help
      -V, --version            Print version
    ");
}

#[test]
fn help_of_evaluate() {
    insta::assert_snapshot!(help("evaluate"), @r"
    Measure how good results are, beside baselines and the truth

    Usage: stuntdouble evaluate [OPTIONS] --suite <NAME|FILE.toml> --out <FOLDER>

    Options:
          --json
              Print one JSON event a line on standard output

          --suite <NAME|FILE.toml>
              What is measured: `table1`, `table2`, `table3`, `fig7`, `stage-cross`, `stage-self`, `real-self`, `drift`, or a TOML file

          --method <NAME>
              A method to compare, beside the suite's rivals and the truth; give the option again for more: `paste`, `plate`, `draft`, `ours`, `rigid`, `pseudo`, `bundled`, `finished`, `folder:DIR` (another tool's frames, a folder or video a clip)

          --offline
              Never use the network; a missing file is an error

          --rows <NAMES>
              Exactly these rows in this order, instead of rivals, methods and truth

      -o, --out <FOLDER>
              The folder to write; an interrupted run continues there

          --clips <N>
              Number of clips [default: the suite's]

          --frames <N>
              Frames a clip; 0 for all of a video [default: the suite's]

          --size <PIXELS>
              Side of a rendered frame, or longest side of a video's, in pixels; 0 leaves a video as it is [default: the suite's]

          --reference-frame <N>
              The frame of each video that is the reference, from 0 [default: the suite's]

          --signals <SIGNALS>
              Poses and masks that the methods are given [default: the suite's]

              Possible values:
              - exact:     From the renderer or the labels
              - perceived: From the pose networks

          --assets <PATH>
              A folder or pack of characters, motions, props and places to render [default: the built-in cast]

          --clips-dir <FOLDER>
              The folder of clips, for suites of real clips and videos

          --finisher <FILE>
              Weights of the network that finishes drafts, for row `finished`

          --lpips-vgg <FILES>
              Weights of LPIPS with VGG: one file with everything, or backbone and factors

          --lpips-alex <FILES>
              Weights of LPIPS with AlexNet

          --jobs <N>
              Clips measured beside one another [default: as processors and memory allow]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn an_option_that_is_missing() {
    insta::assert_snapshot!(failure(&["perceive", "take.mp4"]), @r"
    exit code 2
    error[usage.invalid]: the following required arguments were not provided: --output <FOLDER>
    help: see `stuntdouble help`, and `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_command_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["frobnicate"]), @r"
    exit code 2
    error[usage.invalid]: unrecognized subcommand 'frobnicate' tip: a similar subcommand exists: 'animate'
    help: see `stuntdouble help`, and `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_preset_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--preset", "huge"]), @r"
    exit code 2
    error[usage.invalid]: invalid value 'huge' for '--preset <PRESET>' [possible values: bundled, sd15, moore, tiny]
    help: see `stuntdouble help`, and `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_setting_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--set", "stepz=3"]), @r"
    exit code 2
    error[settings.invalid]: setting file or option: unknown field `stepz`, expected one of `preset`, `weights`, `device`, `precision`, `seed`, `steps`, `guidance`, `mask`, `mask-blocks`, `person`, `objects`, `character-at`, `draft`, `proportions`, `height`, `light`, `shadow`, `quick`, `raw`, `max-frames`, `tolerate-damage`, `keep-fields`
    help: see `stuntdouble help replace` for the settings and their ranges
    ");
}

#[test]
fn a_setting_out_of_range() {
    insta::assert_snapshot!(replace(&["--steps", "0"]), @r"
    exit code 2
    error[settings.invalid]: setting `steps`: found 0, expected 1 to 1000
    help: see `stuntdouble help replace` for the settings and their ranges
    ");
}

#[test]
fn a_configuration_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--config", "nowhere.toml"]), @r"
    exit code 3
    error[file.inaccessible]: cannot read `nowhere.toml`: No such file or directory (os error 2)
    help: check that the path exists and that you may read and write it
    ");
}

#[test]
fn a_picture_that_does_not_exist() {
    insta::assert_snapshot!(replace(&[]), @r"
    exit code 3
    error[input.unreadable]: cannot read: No such file or directory (os error 2): `hero.png`
    help: check that the path exists and that you may read it
    ");
}

#[test]
fn a_video_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["perceive", "nowhere.mp4", "-o", "signals"]), @r"
    exit code 3
    error[input.unreadable]: cannot read: No such file or directory (os error 2): `nowhere.mp4`
    help: check that the path exists and that you may read it
    ");
}

#[test]
fn a_person_in_words() {
    insta::assert_snapshot!(replace(&["--person", "left"]), @r"
    exit code 2
    error[prompt.shape]: expected `X,Y[@T]`, found `left`
    help: write for example `--object 120,80@1.5s` or `--object-box 100,60,40,40@12f`
    ");
}

#[test]
fn a_point_without_its_object() {
    insta::assert_snapshot!(replace(&["--not", "3,4"]), @r"
    exit code 2
    error[prompt.not_without_object]: `--not 3,4` comes before every `--object` and `--object-box`
    help: write `--not` after the object that it belongs to
    ");
}

#[test]
fn an_object_in_the_picture_s_own_scene() {
    let animate = ["animate", "--character", "hero.png", "--video", "take.mp4", "-o", "out.mp4"];
    insta::assert_snapshot!(failure(&[&animate[..], &["--object", "3,4"]].concat()), @r"
    exit code 2
    error[settings.invalid]: setting `object`: `animate` shows the picture's own scene, in which nothing of the video is kept; use `replace`
    help: see `stuntdouble help replace` for the settings and their ranges
    ");
}

#[test]
fn a_size_that_the_networks_do_not_support() {
    insta::assert_snapshot!(failure(&["bench", "--preset", "tiny", "--size", "13"]), @r"
    exit code 2
    error[settings.invalid]: setting `size`: found 13, expected a multiple of 16
    help: see `stuntdouble help replace` for the settings and their ranges
    ");
}

#[test]
fn weights_that_do_not_exist() {
    insta::assert_snapshot!(failure(&["bench", "--weights", "nowhere"]), @r"
    exit code 4
    error[weights.io]: cannot access weight file `nowhere`: No such file or directory (os error 2)
    help: check the path and its permissions, or fetch the weights again
    ");
}

#[test]
fn a_training_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["train", "nowhere.toml"]), @r"
    exit code 3
    error[train.io]: cannot access `nowhere.toml`: No such file or directory (os error 2)
    help: check the path, its permissions and the free space
    ");
}

#[test]
fn a_suite_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["evaluate", "--suite", "nowhere", "--out", "out"]), @r"
    exit code 2
    error[evaluate.unknown_suite]: unknown suite `nowhere`, expected one of `table1`, `table2`, `table3`, `fig7`, `stage-cross`, `stage-self`, `real-self`, `drift`, or a file that ends in `.toml`
    help: give `--suite` a name from that list
    ");
}

#[test]
fn a_row_that_does_not_exist() {
    let evaluate = ["evaluate", "--suite", "stage-cross", "--rows", "magic", "--out", "out"];
    insta::assert_snapshot!(failure(&evaluate), @r"
    exit code 2
    error[evaluate.unknown_row]: unknown row `magic`, expected one of `source`, `still`, `plate`, `plate+cutout`, `rigid`, `rigid-sized`, `draft`, `draft4`, `draft-sized`, `pseudo`, `truth`, `bundled`, `bundled-precise`, `bundled-box`, `bundled-shape-agnostic`, `finished`
    help: give `--rows` names from that list, with commas
    ");
}

#[test]
fn a_suite_without_its_assets() {
    insta::assert_snapshot!(failure(&["evaluate", "--suite", "real-self", "--out", "out"]), @r"
    exit code 2
    error[evaluate.assets_missing]: suite `real-self` needs a folder of clips, found none at ``
    help: give `--assets` (rendered clips) or `--clips-dir` (real clips)
    ");
}

#[test]
fn a_model_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["models", "fetch", "nowhere"]), @r"
    exit code 4
    error[fetch.unknown_name]: no file or group is called `nowhere`; known are `hub`, `metrics`, `perception`, `perception-extra`, `tools`, `blazepose-detector`, `blazepose-landmarks-full`, `hand-landmarks`, `face-landmarks`, `selfie-segmentation`, `u2netp`, `blazepose-landmarks-lite`, `hand-landmarks-lite`, `vgg-hed`, `ffmpeg`, `sd-vae-ft-mse`
    help: list the names with `stuntdouble models list`
    ");
}
