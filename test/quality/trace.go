package main

import "fmt"

// trace prints the decisions about alerts around an intrusion.
func trace(d dataset, r run, intrusion string, before, after int64) {
	t0 := int64(0)
	for _, e := range d.events {
		if e.intrusion == intrusion {
			t0 = e.at.Unix()
			break
		}
	}
	seen := map[int]int{}
	type first struct {
		i int
		n, hit int
	}
	alerts := map[int]*first{}
	for i, e := range d.events {
		a := r.alertOf[i]
		if alerts[a] == nil {
			alerts[a] = &first{i: i}
		}
		alerts[a].n++
		if e.intrusion == intrusion {
			alerts[a].hit++
		}
		seen[a]++
	}
	for a := 0; a < r.alerts; a++ {
		f := alerts[a]
		e := d.events[f.i]
		dt := e.at.Unix() - t0
		if dt < -before || dt > after {
			continue
		}
		dec := r.decisions[a]
		fmt.Printf("%6d a%07d n=%d hit=%d %-14s %-60s -> %s(%d) S=%.1f R=%v %s | %s\n", dt, a, f.n, f.hit, e.host, e.signature, dec.Incident, r.incidents[f.i], dec.Surprise, dec.Routine, dec.Reason, dec.Message)
	}
}

// impure prints what the best incident of an intrusion holds that is not its own.
func impure(d dataset, r run, intrusion string) {
	best, bestF := -1, 0.0
	for _, id := range r.incidents {
		_ = id
	}
	sizes := map[int]float64{}
	for i, e := range d.events {
		if e.intrusion == intrusion {
			sizes[r.incidents[i]]++
		}
	}
	for id, n := range sizes {
		if n > bestF {
			best, bestF = id, n
		}
	}
	var t0 int64
	for _, e := range d.events {
		if e.intrusion == intrusion {
			t0 = e.at.Unix()
			break
		}
	}
	out, n := map[int]int{}, map[int]int{}
	first := map[int]int{}
	for i, e := range d.events {
		a := r.alertOf[i]
		if _, ok := first[a]; !ok {
			first[a] = i
		}
		n[a]++
		if e.during != intrusion {
			out[a]++
		}
	}
	for a := 0; a < r.alerts; a++ {
		if i := first[a]; r.incidents[i] == best {
			e := d.events[i]
			dec := r.decisions[a]
			fmt.Printf("%7d a%07d n=%d out=%d hit=%v %s %s | S %.1f %v %s\n", e.at.Unix()-t0, a, n[a], out[a], e.phase, e.host, e.signature, dec.Surprise, dec.Routine, dec.Message)
		}
	}
}
