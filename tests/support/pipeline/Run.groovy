// Runs a declarative Jenkinsfile as Jenkins would, by JenkinsPipelineUnit: Run.groovy PLAN.json
//
// The plan says: file, parameters, answer ('Go' or 'abort'), origin (a repository that `checkout`
// clones), folder (for workspaces), credentials (files by id), environment. `sh` really runs. Each
// agent gets a workspace of its own, so only what is stashed goes from one stage to the next. What
// happened is printed as JSON, a line each, behind 'EVENT '.
import com.lesfurets.jenkins.unit.BasePipelineTest
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.FileSystems

class Refusal extends RuntimeException {
    Refusal(String message) { super(message) }
}

class Stage {
    String name
    Closure environment, steps, post, when
    List options = []
}

class Build extends BasePipelineTest {
    Map plan
    Map env = [JOB_NAME: 'train', BUILD_NUMBER: '7', BUILD_URL: 'https://jenkins/7/']
    Map build = [currentResult: 'SUCCESS']
    List<Stage> stages = []
    Stage stage = new Stage(name: 'pipeline')
    File workspace
    int agents = 0
    Map inner = [:] // variables of the stage's own `environment`

    void tell(Map event) { println "EVENT ${JsonOutput.toJson(event)}" }

    void allow(String name, List types, Closure what) { helper.registerAllowedMethod(name, types, what) }

    void run() {
        scriptRoots += new File(plan.file).parent
        setUp()
        binding.setVariable('env', env)
        binding.setVariable('params', plan.parameters)
        binding.setVariable('currentBuild', build)
        binding.setVariable('none', 'none')
        binding.setVariable('scm', 'scm')
        declare()
        act()
        loadScript(new File(plan.file).name).run()
        def line = stage
        try {
            assign(line.environment, env)
            stages.each { go(it) }
        } catch (Refusal | InterruptedException problem) {
            build.currentResult = problem instanceof Refusal ? 'FAILURE' : 'ABORTED'
            tell(failed: problem.message)
        }
        after(line.post)
        tell(result: build.currentResult)
    }

    // The declarations only note what they hold; `go` does it in the order that Jenkins has.
    void declare() {
        allow('pipeline', [Closure]) { it() }
        allow('stages', [Closure]) { it() }
        allow('stage', [String, Closure]) { String name, Closure body ->
            def outer = stage
            stage = new Stage(name: name)
            stages << stage
            body()
            stage = outer
        }
        allow('agent', [String]) { assert it == 'none' }
        allow('options', [Closure]) { it() }
        ['timestamps', 'skipDefaultCheckout'].each { name -> allow(name, []) { } }
        ['buildDiscarder', 'logRotator'].each { name -> allow(name, [Object]) { it } }
        allow('logRotator', [Map]) { it }
        allow('timeout', [Map]) { stage.options << [timeout: it] }
        allow('parameters', [Closure]) { it() }
        allow('string', [Map]) { tell(parameter: it.name) }
        allow('environment', [Closure]) { stage.environment = it }
        allow('steps', [Closure]) { stage.steps = it }
        allow('when', [Closure]) { stage.when = it }
        allow('post', [Closure]) { stage.post = it }
    }

    void act() {
        allow('beforeInput', [Boolean]) { }
        allow('expression', [Closure]) { inner.when = it() as boolean }
        allow('script', [Closure]) { it() }
        allow('node', [String, Closure]) { String label, Closure body -> onAgent(label, body) }
        allow('timeout', [Map, Closure]) { Map limit, Closure body ->
            tell(timeout: limit)
            body()
        }
        allow('lock', [Map, Closure]) { Map lock, Closure body ->
            assert workspace == null: 'it would hold an agent while it waits'
            tell(locked: lock.resource)
            body()
            tell(unlocked: lock.resource)
        }
        allow('sshUserPrivateKey', [Map]) { it }
        allow('withCredentials', [List, Closure]) { List keys, Closure body -> withKeys(keys, body) }
        allow('sshagent', [List, Closure]) { List ids, Closure body ->
            tell(sshagent: ids)
            body()
        }
        allow('checkout', [Object]) { execute("git clone -q '${plan.origin}' .", false) }
        allow('sh', [String]) { execute(it, false) }
        allow('sh', [Map]) { execute(it.script, it.returnStdout as boolean) }
        allow('stash', [Map]) { copy(workspace, new File(plan.folder, "stash-${it.name}"), it.includes) }
        allow('unstash', [String]) { copy(new File(plan.folder, "stash-$it"), workspace, '**') }
        allow('archiveArtifacts', [Map]) { tell(archived: matching(workspace, it.artifacts).sort()) }
        allow('junit', [Map]) { tell(junit: matching(workspace, it.testResults).sort()) }
        allow('mail', [Map]) { tell(mail: it) }
        allow('input', [Map]) {
            tell(input: it)
            if (plan.answer != 'Go') { throw new InterruptedException('Rejected by somebody') }
        }
        ['always', 'unsuccessful', 'fixed'].each { name ->
            allow(name, [Closure]) { body ->
                def bad = build.currentResult != 'SUCCESS'
                if (name == 'always' || (name == 'unsuccessful' && bad)) { body() }
            }
        }
    }

    void go(Stage one) {
        stage = one
        inner = [:]
        if (one.when) {
            one.when()
            if (!inner.remove('when')) {
                tell(skipped: one.name)
                return
            }
        }
        tell(stage: one.name, options: one.options)
        env.STAGE_NAME = one.name
        assign(one.environment, inner)
        try {
            one.steps()
        } catch (Refusal problem) {
            build.currentResult = 'FAILURE'
            throw problem
        } finally {
            after(one.post)
            tell(left: one.name)
        }
    }

    void onAgent(String label, Closure body) {
        tell(agent: label)
        workspace = new File(plan.folder, "agent-${++agents}")
        workspace.mkdirs()
        try {
            body()
        } finally {
            workspace = null
        }
    }

    void withKeys(List keys, Closure body) {
        keys.each { inner[it.keyFileVariable] = plan.credentials[it.credentialsId] }
        try {
            body()
        } finally {
            keys.each { inner.remove(it.keyFileVariable) }
        }
    }

    void after(Closure body) {
        if (body) { body() }
    }

    void assign(Closure body, Map target) {
        if (body) {
            body.delegate = target
            body.resolveStrategy = Closure.DELEGATE_FIRST
            body()
        }
    }

    String execute(String script, boolean wanted) {
        if (workspace == null) { throw new Refusal("'$script' has no agent to run on") }
        def builder = new ProcessBuilder('sh', '-xe', '-c', script).directory(workspace)
        def all = plan.environment + plan.parameters + env + inner
        all.each { name, value -> builder.environment().put(name as String, "$value" as String) }
        def errors = File.createTempFile('step', '.err', new File(plan.folder as String))
        builder.redirectError(errors)
        def process = builder.start()
        process.outputStream.close()
        def text = process.inputStream.text
        def status = process.waitFor()
        tell(sh: script, status: status, errors: errors.text.readLines().takeRight(12).join('\n'))
        if (status != 0) { throw new Refusal("script returned exit code $status") }
        wanted ? text : null
    }

    List<String> matching(File folder, String patterns) {
        def matchers = patterns.split(',').collect {
            FileSystems.default.getPathMatcher("glob:${it.trim()}")
        }
        def found = []
        folder.eachFileRecurse(groovy.io.FileType.FILES) { file ->
            def path = folder.toPath().relativize(file.toPath())
            if (matchers.any { it.matches(path) }) { found << path.toString() }
        }
        found
    }

    void copy(File source, File target, String patterns) {
        matching(source, patterns).each { name ->
            def file = new File(target, name)
            file.parentFile.mkdirs()
            file.bytes = new File(source, name).bytes
        }
    }
}

new Build(plan: new JsonSlurper().parse(new File(args[0]))).run()
