#!/usr/bin/env bash
# Trains the finisher on a bare host with a card: needs Python's PyTorch 2.11, no network, no cargo.
#   run.sh MINUTES OUT    checks the card against the processor, times a step, trains for MINUTES in all, and leaves in OUT: weights in
#                         parts of at most 15 MiB, log, sheets. Ends by itself. With EAGER=1 the same network in PyTorch is timed too. A file `start.safetensors` beside it is gone on from.
set -u
here=$(cd "$(dirname "$0")" && pwd)
minutes=$1
out=$2
shift 2
start=$(date +%s)
mkdir -p "$out"
lib=$(python3 -c 'import importlib.util; print(importlib.util.find_spec("torch").submodule_search_locations[0])')/lib
site=$(dirname "$(dirname "$lib")")
libraries=$lib
for folder in "$site"/nvidia/*/lib; do libraries=$libraries:$folder; done
export LD_LIBRARY_PATH=$libraries
# Products of f32 in TF32; convolutions use it anyway.
export TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1
device=${DEVICE:-cuda:0}
(nvidia-smi; nproc; free -g) > "$out/host.txt" 2>&1
[ -n "${RESUME:-}" ] || "$here/finishing_speed" "$device" ${SPEED:-4 8 256 20} 2>&1 | tee "$out/speed.txt"
[ -n "${EAGER:-}" ] && python3 "$here/eager.py" "$device" ${SPEED:-4 8 256 20} 2>&1 | tee -a "$out/speed.txt"
begin=()
if [ -e "$here/start.safetensors" ]; then begin=(--set "start_from=$here/start.safetensors"); fi
# The configuration is sized for one core of a processor. A card takes larger batches and must not wait for the renderer.
card=()
case $device in
    cuda*) card=(--set half=true --set feed.batch=32 --set feed.pool=4000 --set feed.first=32 --set feed.patient=false \
        --set "feed.threads=$(($(nproc) > 2 ? $(nproc) - 2 : 1))" --set loss.perceptual=0.2) ;;
esac
spent=$(($(date +%s) - start))
left=$(python3 -c "print(max(0.1, $minutes - ($spent + 15) / 60))")
[ -n "${RESUME:-}" ] || rm -rf /tmp/finisher
"$here/train" "$here/config.toml" --device "$device" --set run=/tmp/finisher --set "minutes=$left" \
    --set "assets=$here/assets.pack" --set "perceptual_weights=$here/perceptual.bin" "${begin[@]}" "${card[@]}" "$@" \
    > "$out/train.txt" 2>&1 &
pid=$!
# A card's utilisation, every two seconds.
(while kill -0 $pid 2>/dev/null; do
    nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader 2>/dev/null; cut -d' ' -f1 /proc/loadavg; sleep 2
done) > "$out/load.txt" 2>&1
wait $pid
code=$?
cp /tmp/finisher/log.jsonl "$out/" 2>/dev/null
last=$(ls /tmp/finisher/sheets 2>/dev/null | tail -1)
[ -n "$last" ] && cp "/tmp/finisher/sheets/$last" "$out/sheet.png"
[ -e /tmp/finisher/weights.safetensors ] && split -b 15M -d /tmp/finisher/weights.safetensors "$out/weights.part-"
tail -c 3000 "$out/train.txt"
ls -la "$out"
exit $code
