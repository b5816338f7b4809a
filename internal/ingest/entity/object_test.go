package entity

import "testing"

func TestObject(t *testing.T) {
	for name, tc := range map[string]struct{ got, want string }{
		"pod":                         {result(Object("Pod", "shop", "cart-0")), "Pod/shop/cart-0"},
		"resource":                    {result(Object("pods", "shop", "cart-0")), "Pod/shop/cart-0"},
		"node":                        {result(Object("Node", "", "Worker-1")), "Node/worker-1"},
		"namespace":                   {result(Object("namespaces", "", "shop")), "Namespace/shop"},
		"secret":                      {result(Object("secrets", "shop", "db")), "Secret/shop/db"},
		"service account":             {result(Object("ServiceAccount", "shop", "cart")), "ServiceAccount/shop/cart"},
		"deployment":                  {result(Object("deployment", "shop", "cart")), "Workload/shop/Deployment/cart"},
		"replica set of a deployment": {result(Object("ReplicaSet", "shop", "cart-6d4cf56db6")), "Workload/shop/Deployment/cart"},
		"replica set of its own":      {result(Object("ReplicaSet", "shop", "cart-service")), "Workload/shop/ReplicaSet/cart-service"},
		"job of a cron job":           {result(Object("jobs", "shop", "backup-28712340")), "Workload/shop/CronJob/backup"},
		"job of its own":              {result(Object("Job", "shop", "migrate")), "Workload/shop/Job/migrate"},
		"without namespace":           {result(Object("Pod", "", "cart-0")), noName},
		"no entity":                   {result(Object("ConfigMap", "shop", "x")), noName},
		"nothing":                     {result(Object("", "", "")), noName},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("got %q, want %q", tc.got, tc.want)
			}
		})
	}
}

func TestAddTakesTheCategoryOfTheKind(t *testing.T) {
	var list List
	list.Add("Attacked")(Pod("shop", "cart-0"))
	list.Add("Source")(IP("203.0.113.7"))
	if items := list.Items(); items[0].Category != "ImpactedAsset" || items[1].Category != "RelatedEvidence" {
		t.Error(items)
	}
}
