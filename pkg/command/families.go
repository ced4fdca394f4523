package command

// Families gives the rows of all data commands, a slice for each family.
func Families() [][]Spec {
	return [][]Spec{
		stringSpecs(),
		genericSpecs(),
		hashSpecs(),
		setSpecs(),
		zsetSpecs(),
		geoSpecs(),
		listSpecs(),
		bitmapSpecs(),
		streamSpecs(),
		hyperLogLogSpecs(),
	}
}
