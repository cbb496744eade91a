"""Stream an answer piece by piece, marking what was drafted; then read the trace of a run."""

import foretell as ft

PROMPT = "Repeat this sentence twice: The quick brown fox jumps over the lazy dog."

for piece in ft.stream(PROMPT, max_new_tokens=40):
    print(f"[{piece}]" if piece.source else piece, end="", flush=True)
print("\n")

result = ft.generate(PROMPT, max_new_tokens=40)
trace = result.trace
print(f"{trace.num_tokens} tokens in {len(trace.decode_steps)} steps, {trace.tokens_per_second:.0f} tokens/s, {trace.guarantee}")
for source, count in trace.sources.most_common():
    print(f"  {count:3d} from {source or 'the model itself'}")
for phase, seconds in trace.seconds.items():
    print(f"  {1000 * seconds:5.0f} ms {phase}")
