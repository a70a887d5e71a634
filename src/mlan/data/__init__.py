"""What is trained on and measured: concepts, pictures, instruction sources, benchmarks.

Model: installed asset packages hold real pictures and facts (`assets`). From them come the
concepts (`objects`, `countries`, `words`, `concepts`), each split once into train, dev and
test. A relation asks one fact of a concept in words or of its picture (`relations`); sources
ask it of train concepts (`sources`), benchmarks of dev and test concepts (`benchmarks`), and
pictures are drawn from emoji (`images`). Your own files enter through an
adapter each (`file_sources`), public instruction sets among them (`instruction_sets`).
Not here: how sources are mixed, and anything that needs torch.
"""
