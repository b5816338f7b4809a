package spool

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// putAsideFiles is how many damaged spools wait for somebody to look at them.
var putAsideFiles = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "tocsin_spool_damaged_files",
	Help: "Damaged spools that lay beside the spool, where they were put aside, when it was last opened. Events that were not yet delivered are in them and nowhere else; the log says where. Back to 0 once they were moved away and Tocsin was started again.",
})

func init() { metrics.Registry.MustRegister(putAsideFiles) }

// asideMark comes behind the path of a spool in that of one that was put aside.
const asideMark = ".damaged-"

// tellPutAside counts the files, also those of an earlier start: one line in a log
// that has gone by tells nobody.
func tellPutAside(path string) {
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return // Opening the spool says what is wrong.
	}
	n := 0
	for _, file := range files {
		if strings.HasPrefix(file.Name(), filepath.Base(path)+asideMark) {
			n++
		}
	}
	putAsideFiles.Set(float64(n))
}
