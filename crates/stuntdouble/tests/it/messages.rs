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
    Replace the person in a video with the character, and keep the scene of the video

    Usage: stuntdouble replace [OPTIONS] --character <PICTURE> --video <VIDEO> --output <FILE>

    Options:
          --character <PICTURE>
              Picture of the character; repeat the option for other views such as back or face

          --json
              Print JSON events to standard output, one per line

          --character-pose <FILE>
              Pose of the character in the first picture: a `pose.json` or an OpenPose file

          --offline
              Do not use the network; report missing files as errors

          --video <VIDEO>
              The driving video: a video file, a GIF, or a folder of frames

      -o, --output <FILE>
              The video to write

          --run-dir <FOLDER>
              Folder for intermediate files [default: the name of the output with `.run`]

          --signals <FOLDER>
              Use existing signals: a folder that `perceive` wrote, possibly edited, or one from another program

          --dry-run
              Report what would be done without doing it

          --weight-cache <FOLDER>
              Folder to cache the prepacked weights of `--weights`, so that later runs start sooner (2 to 4.5 bytes per weight) [default: `packs` in the cache]

          --no-weight-cache
              Neither read nor write cached prepacked weights

          --config <FILE>
              Read settings from a TOML file; options take precedence over it

          --set <NAME=VALUE>
              Set any setting by name; takes precedence over everything else

          --preset <PRESET>
              Networks to run

              Possible values:
              - bundled: The small networks of this project, which are included in the program
              - sd15:    The paper's size, with trained or public weights from `--weights`
              - moore:   Animate Anyone, the predecessor of the method, with its public weights from `--weights`
              - mimo:    MIMO, a variant of Animate Anyone that sees the scene, with its public weights from `--weights`
              - tiny:    Random weights, for tests

          --weights <FOLDER>
              Folder of weights: safetensors or PyTorch files

          --device <auto|cpu|cuda:N|gpu:N>
              Device on which the networks run

          --precision <PRECISION>
              Number format of the networks

              Possible values:
              - f32:  32-bit floating point
              - bf16: 16-bit bfloat16 with 32-bit sums; faster on processors with bf16 instructions, and half the memory for features

          --size <PIXELS>
              Side in pixels of the square picture that the networks generate [default: the preset's]

          --seed <SEED>
              Random seed of the noise

          --steps <STEPS>
              Number of denoising steps

          --guidance <GUIDANCE>
              Scale of classifier-free guidance; 1 disables it

          --mask <MASK>
              Shape of the region that is removed from the video

              Possible values:
              - shape-agnostic: Blocks of about 10 pixels (Eq. 2)
              - precise:        The person's outline
              - box:            The bounding box

          --mask-blocks <N>
              Number of blocks along each side of the person's box, instead of blocks of about 10 pixels

          --person <X,Y[@T]>
              A point on the person to replace, in pixels; T is a time in seconds (`1.5`) or a frame (`12f`)

          --object <X,Y[@T]>
              A point on an object to keep, at T; repeat the option for more objects, each becomes a separate layer

          --object-box <X,Y,W,H[@T]>
              A box around an object to keep, at T: left, top, width and height

          --not <X,Y[@T]>
              A point that does not belong to the preceding object

          --character-at <X,Y>
              Point on the character, in pixels, if the first picture shows several people

          --draft
              Create the video from drafts by geometry alone, without generative networks

          --proportions <0..1>
              Proportions of the result: 0 = the driving person's bone lengths, 1 = the character's own

          --height <FACTOR>
              The character's height relative to the driving person's: 0.6 for a child, 1.3 for a giant

          --quick
              Use smaller perception networks, which are faster and less accurate

          --raw
              Show the generated picture without compositing it into the source

          --max-frames <N>
              Process at most this many frames

          --tolerate-damage
              Continue with the decodable frames if the video is damaged

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_perceive() {
    insta::assert_snapshot!(help("perceive"), @r"
    Write poses and masks of a video as files, with a contact sheet

    Usage: stuntdouble perceive [OPTIONS] --output <FOLDER> <VIDEO>

    Arguments:
      <VIDEO>
              The video: a video file, a GIF, or a folder of frames

    Options:
          --json
              Print JSON events to standard output, one per line

      -o, --output <FOLDER>
              The folder to write

          --config <FILE>
              Read settings from a TOML file; options take precedence over it

          --offline
              Do not use the network; report missing files as errors

          --set <NAME=VALUE>
              Set any setting by name; takes precedence over everything else

          --preset <PRESET>
              Networks to run

              Possible values:
              - bundled: The small networks of this project, which are included in the program
              - sd15:    The paper's size, with trained or public weights from `--weights`
              - moore:   Animate Anyone, the predecessor of the method, with its public weights from `--weights`
              - mimo:    MIMO, a variant of Animate Anyone that sees the scene, with its public weights from `--weights`
              - tiny:    Random weights, for tests

          --weights <FOLDER>
              Folder of weights: safetensors or PyTorch files

          --device <auto|cpu|cuda:N|gpu:N>
              Device on which the networks run

          --precision <PRECISION>
              Number format of the networks

              Possible values:
              - f32:  32-bit floating point
              - bf16: 16-bit bfloat16 with 32-bit sums; faster on processors with bf16 instructions, and half the memory for features

          --size <PIXELS>
              Side in pixels of the square picture that the networks generate [default: the preset's]

          --seed <SEED>
              Random seed of the noise

          --steps <STEPS>
              Number of denoising steps

          --guidance <GUIDANCE>
              Scale of classifier-free guidance; 1 disables it

          --mask <MASK>
              Shape of the region that is removed from the video

              Possible values:
              - shape-agnostic: Blocks of about 10 pixels (Eq. 2)
              - precise:        The person's outline
              - box:            The bounding box

          --mask-blocks <N>
              Number of blocks along each side of the person's box, instead of blocks of about 10 pixels

          --person <X,Y[@T]>
              A point on the person to replace, in pixels; T is a time in seconds (`1.5`) or a frame (`12f`)

          --object <X,Y[@T]>
              A point on an object to keep, at T; repeat the option for more objects, each becomes a separate layer

          --object-box <X,Y,W,H[@T]>
              A box around an object to keep, at T: left, top, width and height

          --not <X,Y[@T]>
              A point that does not belong to the preceding object

          --character-at <X,Y>
              Point on the character, in pixels, if the first picture shows several people

          --draft
              Create the video from drafts by geometry alone, without generative networks

          --proportions <0..1>
              Proportions of the result: 0 = the driving person's bone lengths, 1 = the character's own

          --height <FACTOR>
              The character's height relative to the driving person's: 0.6 for a child, 1.3 for a giant

          --quick
              Use smaller perception networks, which are faster and less accurate

          --raw
              Show the generated picture without compositing it into the source

          --max-frames <N>
              Process at most this many frames

          --tolerate-damage
              Continue with the decodable frames if the video is damaged

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version
    ");
}

#[test]
fn help_of_train() {
    insta::assert_snapshot!(help("train"), @r"
    Train networks from a configuration file, plot a run, or prepare training videos

    Usage: stuntdouble train [OPTIONS] <CONFIG>
           stuntdouble train <COMMAND>

    Commands:
      plot  Plot losses, learning rate and held-out metrics of a run over its steps
      data  Turn videos into training data, or check a set
      help  Print this message or the help of the given subcommand(s)

    Arguments:
      <CONFIG>  The training configuration, a TOML file

    Options:
          --json               Print JSON events to standard output, one per line
          --offline            Do not use the network; report missing files as errors
          --set <PLACE=VALUE>  Override a setting of the configuration by its path, for example `feed.batch=2`
          --device <NAME>      Device for training: `cpu`, or `cuda:N` in a build with libtorch [default: cpu]
          --steps <N>          Total number of steps
          --time-limit <TIME>  Stop after this time and save a checkpoint: minutes, or a time with a unit such as `90s`, `8m`, `2h`
      -h, --help               Print help
      -V, --version            Print version
    ");
}

#[test]
fn help_of_evaluate() {
    insta::assert_snapshot!(help("evaluate"), @r"
    Measure the quality of results against baselines and ground truth

    Usage: stuntdouble evaluate [OPTIONS] --suite <NAME|FILE.toml> --out <FOLDER>

    Options:
          --json
              Print JSON events to standard output, one per line

          --suite <NAME|FILE.toml>
              The suite to measure: `table1`, `table2`, `table3`, `fig7`, `stage-cross`, `stage-self`, `real-self`, `drift`, or a TOML file

          --method <NAME>
              A method to compare in addition to the baselines of the suite and the ground truth; repeat for more: `paste`, `plate`, `draft`, `ours`, `rigid`, `pseudo`, `bundled`, `finished`, `folder:DIR` (frames of another tool, one folder or video per clip)

          --offline
              Do not use the network; report missing files as errors

          --rows <NAMES>
              Use exactly these rows in this order, instead of baselines, methods and ground truth

      -o, --out <FOLDER>
              The folder to write; an interrupted run continues there

          --clips <N>
              Number of clips [default: the suite's]

          --frames <N>
              Number of frames per clip; 0 uses all frames of a video [default: the suite's]

          --size <PIXELS>
              Side of rendered frames, or longest side of video frames, in pixels; 0 keeps the video size [default: the suite's]

          --reference-frame <N>
              Number of the reference frame in each video, counted from 0 [default: the suite's]

          --signals <SIGNALS>
              Source of the poses and masks that the methods receive [default: the suite's]

              Possible values:
              - exact:     From the renderer or the labels
              - perceived: From the pose networks

          --assets <PATH>
              A folder or pack of characters, motions, props and places to render [default: the built-in cast]

          --clips-dir <FOLDER>
              Folder of clips, for suites of real clips and videos

          --finisher <FILE>
              Weights of the network that finishes drafts, for row `finished`

          --lpips-vgg <FILES>
              LPIPS weights with VGG: one file with everything, or one for the backbone and one for the linear factors

          --lpips-alex <FILES>
              LPIPS weights with AlexNet, in the same form

          --jobs <N>
              Number of clips to measure in parallel [default: as processors and memory allow]

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
    error[usage.invalid]: invalid command line: the following required arguments were not provided: --output <FOLDER>
    help: run `stuntdouble help`, or `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_command_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["frobnicate"]), @r"
    exit code 2
    error[usage.invalid]: invalid command line: unrecognized subcommand 'frobnicate' tip: a similar subcommand exists: 'animate'
    help: run `stuntdouble help`, or `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_preset_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--preset", "huge"]), @r"
    exit code 2
    error[usage.invalid]: invalid command line: invalid value 'huge' for '--preset <PRESET>' [possible values: bundled, sd15, moore, mimo, tiny]
    help: run `stuntdouble help`, or `stuntdouble help COMMAND` for the options of a command
    ");
}

#[test]
fn a_setting_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--set", "stepz=3"]), @r"
    exit code 2
    error[settings.invalid]: invalid setting file or option: unknown field `stepz`, expected one of `preset`, `weights`, `device`, `precision`, `size`, `seed`, `steps`, `guidance`, `mask`, `mask-blocks`, `person`, `objects`, `character-at`, `draft`, `proportions`, `height`, `light`, `shadow`, `quick`, `raw`, `max-frames`, `tolerate-damage`, `keep-fields`
    help: run `stuntdouble help replace` to see the settings and their ranges
    ");
}

#[test]
fn a_setting_out_of_range() {
    insta::assert_snapshot!(replace(&["--steps", "0"]), @r"
    exit code 2
    error[settings.invalid]: invalid setting `steps`: found 0, expected 1 to 1000
    help: run `stuntdouble help replace` to see the settings and their ranges
    ");
}

#[test]
fn a_configuration_that_does_not_exist() {
    insta::assert_snapshot!(replace(&["--config", "nowhere.toml"]), @r"
    exit code 3
    error[file.inaccessible]: cannot read `nowhere.toml`: No such file or directory (os error 2)
    help: check that the path exists and that you can read and write it
    ");
}

#[test]
fn a_picture_that_does_not_exist() {
    insta::assert_snapshot!(replace(&[]), @r"
    exit code 3
    error[input.unreadable]: cannot read the file or folder: No such file or directory (os error 2): `hero.png`
    help: check that the path exists and that you can read it
    ");
}

#[test]
fn a_video_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["perceive", "nowhere.mp4", "-o", "signals"]), @r"
    exit code 3
    error[input.unreadable]: cannot read the file or folder: No such file or directory (os error 2): `nowhere.mp4`
    help: check that the path exists and that you can read it
    ");
}

#[test]
fn a_person_in_words() {
    insta::assert_snapshot!(replace(&["--person", "left"]), @r"
    exit code 2
    error[prompt.shape]: the prompt has the wrong format: expected `X,Y[@T]`, found `left`
    help: write a prompt such as `--object 120,80@1.5s` or `--object-box 100,60,40,40@12f`
    ");
}

#[test]
fn a_point_without_its_object() {
    insta::assert_snapshot!(replace(&["--not", "3,4"]), @r"
    exit code 2
    error[prompt.not_without_object]: `--not 3,4` must come after an `--object` or `--object-box`
    help: write `--not` after the `--object` or `--object-box` that it refers to
    ");
}

#[test]
fn an_object_in_the_picture_s_own_scene() {
    let animate = ["animate", "--character", "hero.png", "--video", "take.mp4", "-o", "out.mp4"];
    insta::assert_snapshot!(failure(&[&animate[..], &["--object", "3,4"]].concat()), @r"
    exit code 2
    error[settings.invalid]: invalid setting `object`: `animate` keeps no objects of the video, because it shows the scene of the picture; use `replace`
    help: run `stuntdouble help replace` to see the settings and their ranges
    ");
}

#[test]
fn a_size_that_the_networks_do_not_support() {
    insta::assert_snapshot!(failure(&["bench", "--preset", "tiny", "--size", "13"]), @r"
    exit code 2
    error[settings.invalid]: invalid setting `size`: found 13, expected 16 to 2048 pixels
    help: run `stuntdouble help replace` to see the settings and their ranges
    ");
}

#[test]
fn weights_that_do_not_exist() {
    insta::assert_snapshot!(failure(&["bench", "--weights", "nowhere"]), @r"
    exit code 4
    error[weights.io]: cannot access the weight file `nowhere`: No such file or directory (os error 2)
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
    error[evaluate.unknown_suite]: unknown suite `nowhere`, expected a `.toml` file or one of `table1`, `table2`, `table3`, `fig7`, `stage-cross`, `stage-self`, `real-self`, `drift`
    help: pass one of the suite names listed above to `--suite`
    ");
}

#[test]
fn a_row_that_does_not_exist() {
    let evaluate = ["evaluate", "--suite", "stage-cross", "--rows", "magic", "--out", "out"];
    insta::assert_snapshot!(failure(&evaluate), @r"
    exit code 2
    error[evaluate.unknown_row]: unknown row `magic`, expected one of `source`, `still`, `plate`, `plate+cutout`, `rigid`, `rigid-sized`, `draft`, `draft4`, `draft-sized`, `pseudo`, `truth`, `bundled`, `bundled-precise`, `bundled-box`, `bundled-shape-agnostic`, `finished`
    help: pass row names listed above to `--rows`, separated by commas
    ");
}

#[test]
fn a_suite_without_its_assets() {
    insta::assert_snapshot!(failure(&["evaluate", "--suite", "real-self", "--out", "out"]), @r"
    exit code 2
    error[evaluate.assets_missing]: suite `real-self` needs a folder of clips, but no path was given
    help: pass `--assets` for rendered clips, or `--clips-dir` for real clips
    ");
}

#[test]
fn a_model_that_does_not_exist() {
    insta::assert_snapshot!(failure(&["models", "fetch", "nowhere"]), @r"
    exit code 4
    error[fetch.unknown_name]: unknown file or group `nowhere`, expected one of `hub`, `metrics`, `perception`, `perception-extra`, `tools`, `blazepose-detector`, `blazepose-landmarks-full`, `hand-landmarks`, `face-landmarks`, `selfie-segmentation`, `u2netp`, `blazepose-landmarks-lite`, `hand-landmarks-lite`, `vgg-hed`, `ffmpeg`, `sd-vae-ft-mse`
    help: run `stuntdouble models list` to see the names
    ");
}
